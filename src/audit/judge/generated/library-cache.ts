import type { FileTree } from '../../../image/file-tree.ts'

const MAGIC = 'glibc-ld.so.cache1.1'
const HEADER = 48
const ENTRY = 24
const EXTENSION_MAGIC = 0xeaa4_2174
/** FLAG_ELF_LIBC6 and FLAG_X8664_LIB64 (ldconfig.h). */
const X86_64 = 0x303

/**
 * What is wrong with `/etc/ld.so.cache` (glibc's dl-cache.h: magic, count and length of strings at 20 and 24, offset of
 * extensions at 32, entries of 24 bytes at 48: flags, offsets of name and path, OS version, hardware): it must hold an entry
 * for each library of the directories of ld.so.conf, in ldconfig's order, and nothing else.
 */
export function libraryCacheProblem(cache: Buffer, tree: FileTree): string | undefined {
  if (cache.toString('latin1', 0, MAGIC.length) !== MAGIC || cache.length < HEADER)
    return 'it is not a cache of the dynamic linker'
  const count = cache.readUInt32LE(20)
  const strings = HEADER + count * ENTRY
  const end = strings + cache.readUInt32LE(24)
  if (end > cache.length) return 'it is cut short'
  const expected = librariesOf(tree)
  const seen = new Set<string>()
  const used = Buffer.alloc(cache.length)
  used.fill(1, 0, strings)
  let before: string | undefined
  for (let at = HEADER; at < strings; at += ENTRY) {
    const [name, path] = [4, 8].map((offset) => textAt(cache, cache.readUInt32LE(at + offset), used))
    if (name === undefined || path === undefined) return 'an entry of it points outside'
    if (expected.get(path)?.name !== name)
      return `it leads "${name}" to ${path}, which is no library that ldconfig finds`
    if (seen.has(path)) return `it has ${path} twice`
    seen.add(path)
    // FLAG, and the oldest kernel of a library's note: hardware is of directories that Debian has none of
    if (
      cache.readUInt32LE(at) !== X86_64 ||
      cache.readUInt32LE(at + 12) > 0xff_ffff ||
      cache.readBigUInt64LE(at + 16) !== 0n
    )
      return `its entry for "${name}" is not of this machine`
    if (before !== undefined && compareNames(before, name) < 0)
      return `its entry for "${name}" is not in its place`
    before = name
  }
  const missing = [...expected].find(
    ([path, { others }]) => !seen.has(path) && !others.some((other) => seen.has(other)),
  )
  if (missing !== undefined) return `it lacks ${missing[0]}`
  return restProblem(cache, end, used)
}

/** Beyond its entries and their names, it has the offset of a note of the ldconfig that wrote it, and that note. */
function restProblem(cache: Buffer, end: number, used: Buffer): string | undefined {
  const flags = cache.readUInt8(28)
  const offset = cache.readUInt32LE(32)
  const zeros = [cache.subarray(29, 32), cache.subarray(36, HEADER)]
  if (zeros.some((bytes) => bytes.some((byte) => byte !== 0)) || (flags !== 0 && flags !== 2))
    return 'its header is another'
  if (cache.subarray(HEADER, end).some((byte, at) => byte !== 0 && used[HEADER + at] === 0))
    return 'it holds more than names'
  if (offset === 0) return cache.length === end ? undefined : 'it holds more than names'
  if (offset < end || offset - end > 3 || offset + 24 > cache.length) return 'its note is cut short'
  const words = Array.from({ length: 6 }, (_, index) => cache.readUInt32LE(offset + 4 * index))
  const [magic, sections, tag, kind, start, size] = words
  const isNote =
    magic === EXTENSION_MAGIC && sections === 1 && tag === 0 && kind === 0 && start === offset + 24
  if (!isNote || cache.length !== offset + 24 + (size ?? 0)) return 'its note is another'
  const note = cache.toString('latin1', offset + 24)
  return /^ldconfig \((Debian|Ubuntu) GLIBC [\w.+~-]+\) (stable|development) release version [\d.]+$/.test(
    note,
  )
    ? undefined
    : 'its note is not of an ldconfig'
}

interface Library {
  name: string
  /** Paths of which one will do: of several names with a version, which one programs know is in the library alone. */
  others: readonly string[]
}

/** Libraries as ldconfig finds them, by their paths: in the directory's name that it comes to first. */
function librariesOf(tree: FileTree): Map<string, Library> {
  const found = new Map<string, Library>()
  const known = new Set<string>()
  for (const directory of [...configured(tree, '/etc/ld.so.conf'), '/lib', '/usr/lib']) {
    const place = tree.find(directory)
    if (place?.inode.type !== 'directory' || known.has(place.path)) continue
    known.add(place.path)
    for (const { names, own } of groupsIn(tree, place.path))
      for (const name of names) {
        // that of the linker is there when the name that programs know begins so
        const isForLinker = !isVersioned(name) && own?.startsWith(`${name}.`)
        const others = isForLinker ? [] : names.map((other) => `${directory}/${other}`)
        found.set(`${directory}/${name}`, { name, others })
      }
  }
  return found
}

const isVersioned = (name: string) => /\.so\.\d/.test(name)

function configured(tree: FileTree, file: string, depth = 0): string[] {
  const lines = (tree.read(file)?.toString('latin1') ?? '')
    .split('\n')
    .map((line) => line.replace(/#.*/, '').trim())
  return lines.flatMap((line) => {
    const [, pattern] = /^include\s+(\S+)$/.exec(line) ?? []
    if (pattern === undefined) return line.startsWith('/') ? [line.replace(/\/+$/, '')] : []
    const directory = pattern.slice(0, pattern.lastIndexOf('/'))
    const suffix = pattern.slice(pattern.lastIndexOf('*') + 1)
    const names = depth < 3 ? tree.list(directory).filter((name) => name.endsWith(suffix)) : []
    return names.flatMap((name) => configured(tree, `${directory}/${name}`, depth + 1))
  })
}

/**
 * Names in the cache of one directory: of a library those of its symlinks, and its own where no symlink has a version, since
 * that of Debian's libraries is the name that programs know them by (their SONAME).
 */
function groupsIn(tree: FileTree, directory: string): { names: string[]; own: string | undefined }[] {
  const files = new Map<string, { own: string | undefined; links: string[] }>()
  for (const name of tree.list(directory)) {
    if (!/^(lib|ld-).*\.so/.test(name)) continue
    const path = `${directory}/${name}`
    const file = tree.find(path)
    if (file?.inode.type !== 'file' || !isElf(file.inode.head ?? file.inode.content, file.path)) continue
    const group = files.get(file.path) ?? { own: undefined, links: [] }
    files.set(file.path, group)
    if (tree.findLink(path)?.inode.type === 'symlink') group.links.push(name)
    else group.own = name
  }
  return [...files.values()].map(({ own, links }) => {
    return { names: own === undefined || links.some(isVersioned) ? links : [own, ...links], own }
  })
}

/** Linker scripts such as `libc.so` are none. */
const isElf = (head: Buffer | undefined, path: string) =>
  head === undefined ? !path.endsWith('.so') : head.toString('latin1', 0, 4) === '\x7fELF'

function textAt(bytes: Buffer, offset: number, used: Buffer): string | undefined {
  const end = bytes.indexOf(0, offset)
  if (offset >= bytes.length || end === -1) return undefined
  used.fill(1, offset, end)
  return bytes.toString('latin1', offset, end)
}

/** glibc's `_dl_cache_libcmp`: digits count as numbers, and stand above all else. */
export function compareNames(a: string, b: string): number {
  let [i, j] = [0, 0]
  const isDigit = (char: string | undefined) => char !== undefined && char >= '0' && char <= '9'
  while (i < a.length) {
    if (isDigit(a[i])) {
      if (!isDigit(b[j])) return 1
      const [left = '', right = ''] = [/^\d+/.exec(a.slice(i))?.[0], /^\d+/.exec(b.slice(j))?.[0]]
      if (Number(left) !== Number(right)) return Number(left) - Number(right)
      i += left.length
      j += right.length
    } else if (isDigit(b[j])) return -1
    else if (a[i] !== b[j]) return (a.charCodeAt(i) || 0) - (b.charCodeAt(j) || 0)
    else {
      i += 1
      j += 1
    }
  }
  return (a.charCodeAt(i) || 0) - (b.charCodeAt(j) || 0)
}
