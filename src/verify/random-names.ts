import type { FileDifference } from '../image/compare-trees.ts'
import type { NamedCause } from './cause.ts'
import { textCauses } from './explain-text.ts'

/** Of one directory more names than that are not paired. */
const PAIR_LIMIT = 200

/**
 * Pairs files that only one image has with files that only the other has, in the same directory, of the same kind,
 * and with names that differ in a date, a version, a random part; by path, both ways.
 */
export function pairNames(files: readonly FileDifference[]): Map<string, NamedCause> {
  const directories = new Map<string, { added: FileDifference[]; removed: FileDifference[] }>()
  for (const file of files) {
    if (file.change === 'changed') continue
    const parent = parentOf(file.path)
    const entry = directories.get(parent) ?? { added: [], removed: [] }
    entry[file.change].push(file)
    directories.set(parent, entry)
  }
  const causes = new Map<string, NamedCause>()
  for (const { added, removed } of directories.values()) {
    if (added.length > PAIR_LIMIT || removed.length > PAIR_LIMIT) continue
    const open = new Set(added)
    for (const old of removed) {
      for (const candidate of open) {
        const cause = old.a?.type === candidate.b?.type ? nameCause(old.path, candidate.path) : undefined
        if (cause === undefined) continue
        causes.set(old.path, cause)
        causes.set(candidate.path, cause)
        open.delete(candidate)
        break
      }
    }
  }
  return causes
}

function nameCause(a: string, b: string): NamedCause | undefined {
  const [left, right] = [baseOf(a), baseOf(b)]
  const evidence = `the names "${left}" and "${right}" stand for each other`
  const [found, ...more] = textCauses(left, right)
  if (found !== undefined && more.length === 0 && VARYING.has(found.cause))
    return { cause: found.cause === 'random-id' ? 'temporary-file' : found.cause, evidence }
  return hasRandomPart(left, right) ? { cause: 'temporary-file', evidence } : undefined
}

const VARYING: ReadonlySet<string> = new Set([
  'uuid',
  'timestamp',
  'temporary-file',
  'other-version',
  'random-id',
])

/** As mktemp fills in `NAME.XXXXXX`: as long, the same around it, letters or digits throughout. */
function hasRandomPart(a: string, b: string): boolean {
  if (a.length !== b.length) return false
  let start = 0
  while (start < a.length && a[start] === b[start]) start += 1
  let end = a.length
  while (end > start && a[end - 1] === b[end - 1]) end -= 1
  // letters of the random part may be the same by chance, up to a mark on either side
  while (start > 0 && /[A-Za-z0-9]/.test(a[start - 1] as string)) start -= 1
  while (end < a.length && /[A-Za-z0-9]/.test(a[end] as string)) end += 1
  const isRandom = (part: string) => /^[A-Za-z0-9_-]{6,}$/.test(part) && /[A-Z0-9]/.test(part)
  return isRandom(a.slice(start, end)) && isRandom(b.slice(start, end))
}

const baseOf = (path: string) => path.slice(path.lastIndexOf('/') + 1)
const parentOf = (path: string) => path.slice(0, path.lastIndexOf('/'))
