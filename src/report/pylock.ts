import type { LockedPlatform, PythonFile } from '../lock/schema.ts'

/**
 * The Python packages of a lock as a `pylock.toml` (PEP 751): of each project the file that the last step leaves in the image.
 *
 * @param addresses where each file may be had from, by sha256
 */
export function renderPylock(
  { steps }: LockedPlatform,
  addresses: ReadonlyMap<string, string>,
  recipe: string,
): string {
  const files = new Map<string, PythonFile>()
  const left = new Set<string>()
  for (const step of steps) {
    if (step.kind !== 'pip') continue
    for (const file of step.files) files.set(file.name, file)
    for (const { name, path } of step.local) left.add(`${name} (${path})`)
  }
  const lines = [
    `# What the image of recipe ${text(recipe)} has from Python indexes.`,
    ...(left.size > 0
      ? [`# Not among it, as it is installed from directories: ${[...left].join(', ')}`]
      : []),
    'lock-version = "1.0"',
    'created-by = "stillroom"',
    ...[...files.keys()].sort().flatMap((name) => {
      const file = files.get(name)
      return file === undefined ? [] : packageLines(file, addresses.get(file.sha256))
    }),
  ]
  return `${lines.join('\n')}\n`
}

function packageLines(entry: PythonFile, address: string | undefined): string[] {
  const { name, version, file, size, sha256, url, index } = entry
  const place = address === undefined ? `path = ${text(file)}` : `url = ${text(address)}`
  const content = `${place}, size = ${size}, hashes = { sha256 = ${text(sha256)} }`
  const named = `{ name = ${text(file)}, ${content} }`
  return [
    '',
    '[[packages]]',
    `name = ${text(name)}`,
    `version = ${text(version)}`,
    ...(index === undefined ? [] : [`index = ${text(index)}`]),
    url !== undefined
      ? `archive = { ${content} }`
      : file.endsWith('.whl')
        ? `wheels = [${named}]`
        : `sdist = ${named}`,
  ]
}

/** A basic string of TOML, which JSON's escapes are among; names and addresses have no control characters. */
const text = (value: string) => JSON.stringify(value)
