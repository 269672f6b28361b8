import { readdir, readFile } from 'node:fs/promises'
import { basename, dirname } from 'node:path'
import { StillroomError, unlessMissing } from '../../error.ts'
import { fileState, isNotThere, openRegular } from '../../image/disk-file.ts'
import { type FilePart, JoinedFile } from '../../image/joined-file.ts'
import { parseSums, partPath, sumsPath } from './archive-parts.ts'

export interface FoundArchive {
  /** The archive's name, without that of a part. */
  name: string
  file: JoinedFile
  /** What FILE.sha256 beside it says, by the name of a file. */
  sums: ReadonlyMap<string, string>
}

/** An archive that can't be loaded. */
export function archiveInvalid(file: string, reason: string, cause?: unknown): StillroomError {
  return new StillroomError('ARCHIVE_INVALID', `cannot load "${file}": ${reason}`, {
    hint: 'get it again, and compare its sha256; `stillroom save recipe NAME FILE` makes one',
    cause,
  })
}

/**
 * Finds an archive on disk, or all parts of one.
 *
 * @param path the archive, also when only its parts are there, or one of them
 * @throws {StillroomError} ARCHIVE_INVALID when there is no such file, or a part is missing; IMAGE_UNREADABLE
 */
export async function findArchive(path: string): Promise<FoundArchive> {
  const stem = /^(.*[^/])\.\d{3}$/s.exec(path)?.[1]
  const isPart =
    stem !== undefined &&
    (path.endsWith('.001') ||
      (await partOf(partPath(stem, 1))) !== undefined ||
      (await readSums(stem)).has(basename(path)))
  const name = isPart ? stem : path
  const whole = isPart ? undefined : await partOf(path)
  const sums = await readSums(name)
  if (whole !== undefined) return { name, file: new JoinedFile([whole]), sums }
  const last = await lastNumber(name, sums)
  if (last === 0) throw archiveInvalid(path, 'there is no such file, nor a part of it')
  const parts: FilePart[] = []
  const missing: string[] = []
  for (let number = 1; number <= last; number++) {
    const part = await partOf(partPath(name, number))
    if (part) parts.push(part)
    else missing.push(partPath(name, number))
  }
  if (missing.length > 0)
    throw archiveInvalid(
      name,
      `of its ${last} parts ${missing.map((each) => `"${each}"`).join(', ')} ${missing.length === 1 ? 'is' : 'are'} missing`,
    )
  return { name, file: new JoinedFile(parts), sums }
}

const readSums = async (name: string) =>
  parseSums((await readFile(sumsPath(name), 'utf8').catch(unlessMissing)) ?? '')

async function partOf(path: string): Promise<FilePart | undefined> {
  try {
    await using file = await openRegular(path)
    return { path, state: await fileState(file), size: (await file.stat()).size }
  } catch (error) {
    if (isNotThere(error)) return undefined
    throw error
  }
}

/** By what FILE.sha256 names; without it, the highest that there is. */
async function lastNumber(name: string, sums: ReadonlyMap<string, string>): Promise<number> {
  const there = (await readdir(dirname(name)).catch(unlessMissing)) ?? []
  const numbers = (paths: Iterable<string>) =>
    [...paths].map((path) =>
      path.startsWith(`${basename(name)}.`) ? Number(/\.(\d{3})$/.exec(path)?.[1] ?? 0) : 0,
    )
  const named = Math.max(0, ...numbers(sums.keys()))
  return named > 0 ? named : Math.max(0, ...numbers(there))
}
