import { FileTree } from '../../image/file-tree.ts'
import { type Member, ociFiles, pieces, tarOf } from '../../image/image-archive.test-data.ts'
import { readImageTree } from '../../image/read-archive.ts'
import { digestsForInventory, readInventory } from '../../inventory/read-inventory.ts'
import type { ImageSide } from './compare-rebuilt.ts'

/** An image of one layer: members, or files by path and content. */
export async function imageOf(members: readonly (Member | [string, string])[]): Promise<ImageSide> {
  const layer = await tarOf(
    members.map((each) => (Array.isArray(each) ? { name: each[0], content: each[1] } : each)),
  )
  const archive = await tarOf(ociFiles([layer]))
  const read = async (more: object) =>
    new FileTree((await readImageTree(pieces(archive), { keep: true, md5: true, ...more })).root)
  const first = await read({})
  const tree = await read(digestsForInventory(first, { md5: true }) ?? {})
  return { tree, inventory: await readInventory(tree) }
}

/** A paragraph of dpkg's status file. */
export const stanza = (name: string, fields: Record<string, string> = {}) =>
  `${Object.entries({
    Package: name,
    Status: 'install ok installed',
    Version: '1',
    Architecture: 'all',
    ...fields,
  })
    .map(([key, value]) => `${key}: ${value}\n`)
    .join('')}\n`

export const dpkgStatus = (...stanzas: string[]): [string, string] => [
  'var/lib/dpkg/status',
  stanzas.join(''),
]

/** apt's marks of what it installed for something else. */
export const automatic = (...names: string[]): [string, string] => [
  'var/lib/apt/extended_states',
  names.map((name) => `Package: ${name}\nArchitecture: amd64\nAuto-Installed: 1\n\n`).join(''),
]
