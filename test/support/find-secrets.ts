import { createReadStream, createWriteStream } from 'node:fs'
import { mkdir, readdir, readFile, rm, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { pipeline } from 'node:stream/promises'
import { execa } from 'execa'
import { uncompressed } from '../../src/formats/decompress.ts'
import { Budget } from '../../src/image/read-options.ts'

/** In a locale of characters grep takes many times as long for what is no text. */
const BYTES = { LC_ALL: 'C' }

/** Where to look, by what a reader would call it: files, and directories with all that is in them. */
export type Places = Record<string, string[]>

/**
 * Searches all places for secrets, byte by byte, the names of the files too.
 *
 * @param patterns a file for the secrets; it must lie in none of the places
 * @returns of each kind of place that has one, the files
 */
export async function findSecrets(
  places: Places,
  secrets: readonly string[],
  patterns: string,
): Promise<Record<string, string[]>> {
  if (secrets.length === 0 || secrets.some((secret) => secret.length < 8))
    throw new Error('no secrets to look for')
  await writeFile(patterns, `${secrets.join('\n')}\n`, { mode: 0o600 })
  const grep = ['--text', '--fixed-strings', `--file=${patterns}`]
  const found: Record<string, string[]> = {}
  for (const [kind, paths] of Object.entries(places)) {
    const { stdout: names } = await execa('find', paths)
    const searches = [
      await execa('grep', ['--recursive', '--files-with-matches', ...grep, '--', ...paths], {
        env: BYTES,
        reject: false,
      }),
      await execa('grep', [...grep], { env: BYTES, input: names, reject: false }),
    ]
    for (const { exitCode, stderr } of searches) if (exitCode !== 0 && exitCode !== 1) throw new Error(stderr)
    const hits = searches.flatMap(({ stdout }) => stdout.split('\n')).filter((line) => line !== '')
    if (hits.length > 0) found[kind] = hits
  }
  await rm(patterns)
  return found
}

/** Puts an image of the engine into a directory to be searched: its layers uncompressed, and all that describes it. */
export async function imagePlaces(tag: string, directory: string): Promise<Places> {
  const saved = join(directory, 'saved')
  const layers = join(directory, 'layers')
  const description = join(directory, 'config')
  for (const path of [saved, layers, description]) await mkdir(path, { recursive: true })
  const save = execa('docker', ['save', tag], { encoding: 'buffer', buffer: false })
  await Promise.all([save, save.pipe('tar', ['-x', '-C', saved])])
  const [{ Layers }] = JSON.parse(await readFile(join(saved, 'manifest.json'), 'utf8')) as [
    { Layers: string[] },
  ]
  for (const [number, path] of [...new Set(Layers)].entries()) {
    const layer = uncompressed(createReadStream(join(saved, path)), new Budget({}))
    await pipeline(layer, createWriteStream(join(layers, `${number}.tar`)))
    await rm(join(saved, path))
  }
  const { stdout: inspected } = await execa('docker', ['image', 'inspect', tag])
  await writeFile(join(description, 'inspect.json'), inspected)
  const { stdout: history } = await execa('docker', ['history', '--no-trunc', '--format', 'json', tag])
  await writeFile(join(directory, 'history.json'), history)
  if ((await readdir(layers)).length === 0) throw new Error(`${tag} has no layers`)
  return {
    'image layers': [layers],
    'image config': [saved, description],
    'image history': [join(directory, 'history.json')],
  }
}
