import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import type { BuiltImage } from '../../engine/build-image.ts'
import type { Engine } from '../../engine/connect.ts'
import type { EngineImage } from '../../engine/find-image.ts'
import { writeFileAtomic } from '../../store/disk.ts'

/**
 * The containerd store calls an image by its manifest's digest. A manifest names its config, so which image ID a
 * manifest stands for never changes: it is noted when the image is built, and need not be asked again.
 */
export async function rememberImage(cache: string, { id, reference }: BuiltImage): Promise<void> {
  if (reference !== id) await writeFileAtomic(notePath(cache, reference), `${id}\n`)
}

/** The image ID that a manifest's digest stands for, when it was noted. */
export async function knownImageID(cache: string, reference: string): Promise<string | undefined> {
  const text = await readFile(notePath(cache, reference), 'utf8').catch(() => undefined)
  return text?.trim()
}

/** Whether what the engine has is an image by its ID, as far as that is known without reading it. */
export async function isKnownAs(
  cache: string,
  engine: Engine,
  { reference }: EngineImage,
  id: string,
): Promise<boolean> {
  return (engine.store === 'graph' ? reference : await knownImageID(cache, reference)) === id
}

function notePath(cache: string, reference: string): string {
  return join(cache, 'images', reference.replace(/[^A-Za-z0-9]/g, '-'))
}
