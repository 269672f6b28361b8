import { lstatSync, readdirSync, readFileSync, readlinkSync } from 'node:fs'
import { join } from 'node:path'
import { gunzipSync } from 'node:zlib'
import { FileTree } from '../image/file-tree.ts'
import { type Member, ociFiles, pieces, tarOf } from '../image/image-archive.test-data.ts'
import { readImageTree } from '../image/read-archive.ts'
import type { ReadOptions } from '../image/read-options.ts'
import { digestsForInventory, md5WantedByInventory, wantedByInventory } from './read-inventory.ts'

/** The tree of an image of one layer, read as an audit reads it: twice, when digests are missing. */
export async function treeOf(
  members: readonly (Member | [string, Buffer | string])[],
  more: ReadOptions = {},
): Promise<FileTree> {
  const layer = await tarOf(members.map((m) => (Array.isArray(m) ? [m[0], Buffer.from(m[1])] : m)))
  return treeOfLayer(layer, more)
}

/** As {@link treeOf}, of a layer's archive. */
export async function treeOfLayer(layer: Buffer, more: ReadOptions = {}): Promise<FileTree> {
  const archive = await tarOf(ociFiles([layer]))
  const read = async (options: ReadOptions) => {
    const { root } = await readImageTree(pieces(archive), {
      keep: wantedByInventory,
      md5: md5WantedByInventory,
      ...more,
      ...options,
    })
    return new FileTree(root)
  }
  const tree = await read({})
  const digests = digestsForInventory(tree, { md5: true })
  return digests === undefined ? tree : read(digests)
}

/** What a real package manager left, as recorded: see docs/inventory.md. */
export function recorded(name: string): Buffer {
  const bytes = readFileSync(new URL(`recorded/${name}`, import.meta.url))
  return name.endsWith('.gz') ? gunzipSync(bytes) : bytes
}

/** Files of a directory of this machine, as members below `prefix`. */
export function membersOf(directory: string, prefix: string): Member[] {
  return readdirSync(directory).flatMap((name): Member[] => {
    const path = join(directory, name)
    const member = { name: join(prefix, name), mode: lstatSync(path).mode & 0o777 }
    const stats = lstatSync(path)
    if (stats.isSymbolicLink()) return [{ ...member, type: 'symlink', linkname: readlinkSync(path) }]
    if (stats.isDirectory()) return [{ ...member, type: 'directory' }, ...membersOf(path, member.name)]
    const content = readFileSync(path)
    return [{ ...member, content: content as unknown as string }]
  })
}
