import { execa } from 'execa'

/** `NAME VERSION`, sorted; names of Python's as PEP 503 has them. */
export interface ListedPackages {
  deb: string[]
  pypi: string[]
}

/** Each Python of an image that has pip, and what its pip lists, a line each. */
const EVERY_PIP = `find / -xdev -name 'python3*' ! -type d 2> /dev/null | grep -E '/python3([.][0-9]+)?$' | while read -r python; do
  "$python" -m pip --version > /dev/null 2>&1 || continue
  "$python" -m pip list --format json --disable-pip-version-check 2> /dev/null
done`

/** What `dpkg-query -W` and every `pip list` print in a container of an image. */
export async function listedPackages(image: string): Promise<ListedPackages> {
  const run = async (...command: string[]) =>
    (await execa('docker', ['run', '--rm', '--network', 'none', '--user', '0:0', image, ...command])).stdout
  const deb = await run('dpkg-query', '-W', '-f', '${Package} ${Version}\n')
  const lists = (await run('sh', '-c', EVERY_PIP)).trim().split('\n')
  const pypi = lists
    .flatMap((line) => JSON.parse(line) as { name: string; version: string }[])
    .map(({ name, version }) => `${normalName(name)} ${version}`)
  return { deb: deb.trim().split('\n').sort(), pypi: [...new Set(pypi)].sort() }
}

/** PEP 503. */
export const normalName = (name: string) => name.toLowerCase().replaceAll(/[-_.]+/g, '-')
