import { createHash } from 'node:crypto'

/** One entry of a tree object. `name` is its bytes as latin1. */
export interface TreeEntry {
  mode: number
  name: string
  /** Hex. */
  id: string
}

export const DIRECTORY = 0o040000
export const SYMLINK = 0o120000
export const GITLINK = 0o160000
export const EXECUTABLE = 0o100755

/** An object's id, by the length of which repositories of SHA-1 and SHA-256 are told apart. */
export function objectId(kind: 'blob' | 'tree' | 'commit', content: Uint8Array, like: string): string {
  return createHash(like.length === 64 ? 'sha256' : 'sha1')
    .update(`${kind} ${content.length}\0`)
    .update(content)
    .digest('hex')
}

/** Parses a tree object: `MODE NAME\0ID` each (gitformat-pack(5)); undefined when it is none. */
export function parseTree(content: Buffer, idLength: number): TreeEntry[] | undefined {
  const entries: TreeEntry[] = []
  const bytes = idLength / 2
  let at = 0
  while (at < content.length) {
    const space = content.indexOf(0x20, at)
    const end = content.indexOf(0, at)
    if (space < 0 || end < space || end + 1 + bytes > content.length) return undefined
    const mode = content.toString('latin1', at, space)
    if (!/^[0-7]{5,6}$/.test(mode)) return undefined
    const name = content.toString('latin1', space + 1, end)
    entries.push({
      mode: Number.parseInt(mode, 8),
      name,
      id: content.toString('hex', end + 1, end + 1 + bytes),
    })
    at = end + 1 + bytes
  }
  return entries
}

/** A leaf of a tree: all but directories. `path` is its bytes as latin1. */
export interface Leaf {
  mode: number
  path: string
  id: string
}

/**
 * The id of the tree that holds these leaves: what git calculates for them.
 *
 * @param like an id of the same repository
 */
export function treeId(leaves: readonly Leaf[], like: string): string {
  const here: TreeEntry[] = []
  const below = new Map<string, Leaf[]>()
  for (const { mode, path, id } of leaves) {
    const slash = path.indexOf('/')
    if (slash < 0) here.push({ mode, name: path, id })
    else {
      const name = path.slice(0, slash)
      const group = below.get(name) ?? []
      group.push({ mode, path: path.slice(slash + 1), id })
      below.set(name, group)
    }
  }
  for (const [name, group] of below) here.push({ mode: DIRECTORY, name, id: treeId(group, like) })
  // git compares bytes, a directory's name as if it ended in a slash
  const key = ({ mode, name }: TreeEntry) => (mode === DIRECTORY ? `${name}/` : name)
  here.sort((a, b) => (key(a) < key(b) ? -1 : 1))
  const content = here.map(({ mode, name, id }) =>
    Buffer.concat([Buffer.from(`${mode.toString(8)} ${name}\0`, 'latin1'), Buffer.from(id, 'hex')]),
  )
  return objectId('tree', Buffer.concat(content), like)
}
