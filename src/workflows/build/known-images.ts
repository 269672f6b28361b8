import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import type { BuiltImage } from '../../engine/build-image.ts'
import { writeFileAtomic } from '../../store/write-file-atomic.ts'
import type { Session } from '../session.ts'

/**
 * The containerd store calls an image by its manifest's digest. A manifest names its config, so which image ID a
 * manifest stands for never changes: it is noted when the image is built, and need not be asked again.
 */
export async function rememberImage(session: Session, { id, reference }: BuiltImage): Promise<void> {
  if (reference !== id) await writeFileAtomic(notePath(session, reference), `${id}\n`)
}

/** The image ID that a manifest's digest stands for, when it was noted. */
export async function knownImageID(session: Session, reference: string): Promise<string | undefined> {
  const text = await readFile(notePath(session, reference), 'utf8').catch(() => undefined)
  return text?.trim()
}

function notePath({ cache }: Session, reference: string): string {
  return join(cache, 'images', reference.replace(/[^A-Za-z0-9]/g, '-'))
}
