import { mkdtemp, readFile, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { execa } from 'execa'
import type { Content } from './oci-image.ts'

/** An image of the engine, unpacked. */
export interface SavedImage {
  /** Uncompressed tars, the lowest first: for `composeImage`. */
  layers: Content[]
  /** `config` of its configuration. */
  config: Record<string, unknown>
  /** Removes the unpacked layers. */
  remove(): Promise<void>
}

/** Takes an image out of the engine that `env` names (`docker save`), to compose other images from its layers. */
export async function saveImage(
  reference: string,
  env: NodeJS.ProcessEnv = process.env,
): Promise<SavedImage> {
  const directory = await mkdtemp(join(tmpdir(), 'stillroom-saved-'))
  const remove = () => rm(directory, { recursive: true, force: true })
  try {
    const save = execa('docker', ['save', reference], { env, encoding: 'buffer', buffer: false })
    await Promise.all([save, save.pipe('tar', ['-x', '-C', directory])])
    const read = async (name: string) => JSON.parse(await readFile(join(directory, name), 'utf8'))
    const [entry] = (await read('manifest.json')) as [{ Config: string; Layers: string[] }]
    const { config } = (await read(entry.Config)) as { config: Record<string, unknown> }
    return { layers: entry.Layers.map((path) => ({ file: join(directory, path) })), config, remove }
  } catch (error) {
    await remove()
    throw error
  }
}
