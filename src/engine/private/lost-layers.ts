import { lstat, readdir, readFile, readlink, rm } from 'node:fs/promises'
import { join } from 'node:path'
import { execa } from 'execa'
import { unlessMissing } from '../../error.ts'
import { liveTexts } from '../../formats/bolt/live-texts.ts'
import { type PrivateEngine, runningEngine } from './private-engine.ts'

/** Where BuildKit keeps what it knows: which directory of the layer store each of its snapshots is. */
const BUILDKIT = ['snapshots.db', 'metadata_v2.db', 'containerdmeta.db', 'cache.db']

/**
 * Directories of an engine's layer store (overlay2) that neither its images and containers nor BuildKit know any more, and
 * that no other layer is mounted on: left behind by an engine that was killed, or of layers that it had already. Only names
 * in which the store keeps layers are looked at. The engine's own records are read as they are on the disk, so the answer is
 * certain only while the engine is stopped.
 *
 * @returns paths; none where the engine has no such store
 * @throws {Error} when its records cannot be read: then nothing is known
 */
export async function findLostLayers({ directory }: PrivateEngine): Promise<string[]> {
  const data = join(directory, 'data')
  const layers = join(data, 'overlay2')
  // what comes later is in no record yet, and was not there when the names were read
  const names = ((await readdir(layers).catch(unlessMissing)) ?? []).filter((name) => LAYER.test(name))
  if (names.length === 0) return []
  const known = new Set(await knownToLayerStore(join(data, 'image/overlay2/layerdb')))
  const records = await knownToBuildKit(join(data, 'buildkit'))
  const kept = names.filter((name) => known.has(name) || records.includes(name.replace(SUFFIX, '')))
  const needed = new Set([...kept, ...(await lowerLayers(layers, kept))])
  return names
    .filter((name) => !needed.has(name))
    .sort()
    .map((name) => join(layers, name))
}

/** Directories that a layer is mounted on, whatever else is known of them: its file `lower` names all, by their short names. */
async function lowerLayers(layers: string, names: readonly string[]): Promise<string[]> {
  const found = new Set<string>()
  for (const name of names) {
    const lower = (await readFile(join(layers, name, 'lower'), 'utf8').catch(unlessMissing)) ?? ''
    for (const short of lower.trim().split(':').filter(Boolean)) found.add(short)
  }
  // l/SHORT leads to ../NAME/diff
  const targets = [...found].map((short) => readlink(join(layers, short)).catch(() => ''))
  return (await Promise.all(targets)).map((target) => target.split('/')[1] ?? '')
}

/** What is larger names no layer: digests of all files of one, kept with its record. */
const NAMES_SIZE = 65_536

/** As the engine and BuildKit name layers; `-init` below a container, `-removing` of what was being removed. */
const SUFFIX = /-(init|removing)$/
const LAYER = /^([a-z0-9]{25}|[0-9a-f]{64})(-init|-removing)?$/

/** Layers of images by `cache-id`; of containers by `mount-id` and `init-id`. */
async function knownToLayerStore(root: string): Promise<string[]> {
  const found: string[] = []
  for (const file of await readdir(root, { recursive: true, withFileTypes: true }))
    if (['cache-id', 'mount-id', 'init-id'].includes(file.name))
      found.push((await readFile(join(file.parentPath, file.name), 'utf8')).trim())
  return found
}

async function knownToBuildKit(root: string): Promise<Buffer> {
  const found: Buffer[] = []
  for (const name of BUILDKIT) {
    const bytes = await readFile(join(root, name)).catch(unlessMissing)
    // an engine that never built has none of them
    if (bytes)
      for (const text of liveTexts(bytes)) if (text.length <= NAMES_SIZE) found.push(text, Buffer.from([0]))
  }
  return Buffer.concat(found)
}

/**
 * Removes what {@link findLostLayers} finds, with the short names that lead there. The caller holds the lock by which
 * engines are started.
 *
 * @throws {Error} when the engine runs, or something is mounted in its data
 */
export async function removeLostLayers(engine: PrivateEngine, paths: readonly string[]): Promise<void> {
  if (await runningEngine(engine)) throw new Error(`engine "${engine.name}" runs`)
  const mounts = await readFile('/proc/self/mountinfo', 'utf8')
  if (mounts.includes(` ${join(engine.directory, 'data')}/`))
    throw new Error(`something is mounted below ${engine.directory}`)
  const still = new Set(await findLostLayers(engine))
  const lost = paths.filter((path) => still.has(path))
  for (const path of lost) await execa('rm', ['-rf', '--one-file-system', path])
  const short = join(engine.directory, 'data/overlay2/l')
  for (const name of (await readdir(short).catch(unlessMissing)) ?? []) {
    const link = join(short, name)
    const target = await readlink(link).catch(() => undefined)
    if (target === undefined || (await lstat(join(short, target, '..')).catch(unlessMissing))) continue
    await rm(link, { force: true })
  }
}
