import type { ImageFile } from '../../audit/own-files.ts'
import { stepName } from '../../dockerfile/step-name.ts'
import { escapeBytes } from '../../image/tree-digest.ts'
import type { LockedPlatform } from '../../lock/schema.ts'

/** A part of an image by size: a step, a package, a directory, a file; or files that are not shown one by one. */
export interface ImagePart {
  /**
   * Unlike its neighbours': `apt-1`, `deb/libc6`, `/usr/lib`, `libc.so.6`. Paths are in printable ASCII, other bytes as
   * `%XX`. Of files that are not shown one by one, empty.
   */
  name: string
  bytes: number
  /** How many files it is or holds. */
  files: number
  /** What it is made of, largest first; missing of a file, and of what is not shown in parts. */
  parts?: ImagePart[]
}

/** A part of the first level. */
export interface StepPart extends ImagePart {
  kind: StepKind
}

/** All of an image. */
export interface WholeImage extends ImagePart {
  parts: (StepPart & {
    /** What the part is, in a line. */
    words: string
  })[]
}

export type StepKind = (typeof STEP_KINDS)[number]

export const STEP_KINDS = [
  ...(['base', 'account', 'apt', 'pip', 'git', 'file', 'project', 'copy', 'run'] as const),
  /** All steps of an image of one layer. */
  'steps',
  /** Made of what packages bring: byte code, indexes, settings. */
  'generated',
  /** What the lock does not say, or the locked tree alone does not. */
  'unknown',
] as const

/** What lies deeper is not shown by directories: paths may have thousands, and whoever walks the parts calls itself. */
const DEPTH = 64

/** Characters of JSON: larger than those of an image of 10,000 files. */
const LIMIT = 1_200_000

/**
 * What an image is made of by size: steps, their packages, directories, files. Each file is in it once, so each level
 * sums up to the one above, and the first to the sizes of all files.
 *
 * @param limit characters of JSON: when all parts take more, those below a size are summed up, the smallest size that
 *   is enough, doubled from 1 kB
 * @returns the parts, largest first, and the size in bytes
 */
export function partTree(
  files: readonly ImageFile[],
  { steps }: Pick<LockedPlatform, 'steps'>,
  limit = LIMIT,
): { parts: StepPart[]; least: number } {
  const kinds = new Map<string, StepKind>(steps.map(({ kind }, index) => [stepName(index, kind), kind]))
  for (const kind of STEP_KINDS) kinds.set(kind, kind)
  const whole = [...Map.groupBy(files, partOf)].map(([name, all]): StepPart => {
    const keys = name === 'generated' ? [reasonOf, packageOf] : [packageOf]
    return { name, kind: kinds.get(name) ?? 'unknown', ...partOfAll(all, keys) }
  })
  whole.sort(bySize)
  let [parts, least] = [whole, 0]
  const largest = whole[0]?.bytes ?? 0
  while (least <= largest && JSON.stringify(parts).length > limit) {
    least = least === 0 ? 1000 : least * 2
    parts = whole.map((part) => summedUp(part, least))
  }
  return { parts, least }
}

type Key = (file: ImageFile) => string | undefined

const partOf = ({ made, step }: ImageFile) => (made === undefined ? (step ?? 'unknown') : 'generated')
const reasonOf: Key = ({ made }) => made
/** Steps own files, too, which have no package. */
const packageOf: Key = ({ owner }) => (owner?.includes('/') ? owner : undefined)

/** Files by the first of several keys, then by the next; those that have none by their directories. */
function partOfAll(files: readonly ImageFile[], [key, ...others]: readonly Key[]): Omit<ImagePart, 'name'> {
  const groups = Map.groupBy(files, (file) => key?.(file))
  const rest = key === undefined ? files : (groups.get(undefined) ?? [])
  const named = [...groups].flatMap(([name, all]) =>
    name === undefined ? [] : [{ name, ...partOfAll(all, others) }],
  )
  const parts = [...named, ...byDirectory(rest)].sort(bySize)
  return { ...sumOf(parts), parts }
}

interface Directory {
  directories: Map<string, Directory>
  files: ImagePart[]
}

/**
 * Files by the directories they are in; one that has nothing but a directory is one with it. It begins where there is
 * something to choose: a directory with nearly all of it is not shown, but what is in it.
 */
function byDirectory(files: readonly ImageFile[]): ImagePart[] {
  const root: Directory = { directories: new Map(), files: [] }
  for (const { path, size } of files) {
    const names = path.split('/')
    const directories = names.slice(0, Math.min(names.length - 1, DEPTH))
    const name = escapeBytes(names.slice(directories.length).join('/'))
    let place = root
    for (const each of directories) {
      let next = place.directories.get(each)
      if (next === undefined) {
        next = { directories: new Map(), files: [] }
        place.directories.set(each, next)
      }
      place = next
    }
    place.files.push({ name, bytes: size, files: 1 })
  }
  let parts = partsOfDirectory(root, '/')
  const { bytes } = sumOf(parts)
  for (let [first] = parts; first?.parts && first.bytes >= NEARLY_ALL * bytes; [first] = parts) {
    const { name, parts: inside } = first
    parts = [...inside.map((part) => ({ ...part, name: `${name}${part.name}` })), ...parts.slice(1)].sort(
      bySize,
    )
  }
  return parts
}

const NEARLY_ALL = 0.9

function partsOfDirectory({ directories, files }: Directory, prefix: string): ImagePart[] {
  const parts = [...directories].map(([first, entry]): ImagePart => {
    let [name, directory] = [escapeBytes(first), entry]
    for (let only = onlyDirectory(directory); only !== undefined; only = onlyDirectory(directory)) {
      name += `/${escapeBytes(only.name)}`
      directory = only.directory
    }
    const inside = partsOfDirectory(directory, '')
    return { name: `${prefix}${name}/`, ...sumOf(inside), parts: inside }
  })
  return [...parts, ...files.map((file) => ({ ...file, name: `${prefix}${file.name}` }))].sort(bySize)
}

function onlyDirectory({
  directories,
  files,
}: Directory): { name: string; directory: Directory } | undefined {
  const [first] = directories
  return first !== undefined && directories.size === 1 && files.length === 0
    ? { name: first[0], directory: first[1] }
    : undefined
}

/** A part in which all parts below a size are one. */
function summedUp<Part extends ImagePart>(part: Part, least: number): Part {
  if (part.parts === undefined) return part
  const small = part.parts.filter(({ bytes }) => bytes < least)
  const others = part.parts.filter(({ bytes }) => bytes >= least).map((each) => summedUp(each, least))
  if (others.length === 0) {
    const { parts: _, ...closed } = part
    return closed as Part
  }
  const parts = small.length === 0 ? others : [...others, { name: '', ...sumOf(small) }].sort(bySize)
  return { ...part, parts }
}

function sumOf(parts: readonly ImagePart[]): Pick<ImagePart, 'bytes' | 'files'> {
  return {
    bytes: parts.reduce((sum, { bytes }) => sum + bytes, 0),
    files: parts.reduce((sum, { files }) => sum + files, 0),
  }
}

function bySize(a: ImagePart, b: ImagePart): number {
  return b.bytes - a.bytes || (a.name < b.name ? -1 : 1)
}
