import { secretIn } from '../../audit/credentials.ts'
import { findSecret, setsSecret } from '../../audit/secrets.ts'
import { ACCOUNT_FILES } from './accounts.ts'
import type { CarriedFile } from './carried-files.ts'
import type { FileToCarry } from './compare-rebuilt.ts'

export interface ChosenFiles {
  carried: CarriedFile[]
  /** What holds credentials, by path: written nowhere. */
  withheld: Map<string, string>
  /** Why others are not carried, by path. */
  left: Map<string, string>
}

/** More of one file is not read into memory. */
export const LARGEST = 64 * 1024 ** 2

/**
 * Which files may be carried by their sizes: the smallest first, as long as all together are within the limit. Names, links
 * and directories are always.
 *
 * @param limit in bytes
 */
export function withinLimit(
  files: readonly FileToCarry[],
  limit: number,
): { files: FileToCarry[]; left: Map<string, string> } {
  const left = new Map<string, string>()
  let sum = 0
  const sizes = files.filter(({ inode }) => inode.type === 'file').sort((a, b) => a.inode.size - b.inode.size)
  for (const { path, inode } of sizes) {
    sum += inode.size
    if (sum > limit || inode.size > LARGEST) left.set(path, 'larger than what --carry allows')
  }
  return { files: files.filter(({ path }) => !left.has(path)), left }
}

/**
 * What of these files is carried, with its content.
 *
 * @param contentOf content of a regular file, all of it
 */
export function chooseCarried(
  files: readonly FileToCarry[],
  contentOf: (path: string) => Buffer | undefined,
): ChosenFiles {
  const chosen: ChosenFiles = { carried: [], withheld: new Map(), left: new Map() }
  for (const { path, inode, isIntact } of files) {
    if (inode.type !== 'file') {
      if (inode.type === 'symlink' || inode.type === 'directory') chosen.carried.push({ path, inode })
      else chosen.left.set(path, `a ${inode.type}, which no archive is to make`)
      continue
    }
    const content = inode.size === 0 ? Buffer.alloc(0) : contentOf(path)
    const secret = content && !isIntact && !ACCOUNT_FILES.has(path) ? secretOf(path, content) : undefined
    if (content === undefined) chosen.left.set(path, 'its content could not be read')
    else if (secret !== undefined) chosen.withheld.set(path, `it holds ${secret}`)
    else chosen.carried.push({ path, inode, content })
  }
  return chosen
}

/** What credential a file holds, wherever in it. */
export function secretOf(path: string, content: Buffer): string | undefined {
  const text = content.toString('latin1')
  const isText = !text.includes('\0')
  return (
    secretIn(path, content) ??
    findSecret(text) ??
    (isText && setsSecret(text) ? 'a secret setting' : undefined)
  )
}
