import { StillroomError } from '../../error.ts'
import type { ReadAt } from '../read-at.ts'
import { tarMembers } from '../tar/tar-members.ts'
import { debControlTar, debDataTar } from './deb-archive.ts'

/** What a .deb says of itself. */
export interface DebControl {
  /** Its `control` file: one paragraph. */
  control: string
  /** Paths of its files, without a leading slash. Links are left out where it lists the sums of its files. */
  files: string[]
}

/**
 * Reads what a .deb says of itself: of a .deb that lists sums of its files (deb-md5sums(5)), no more than its beginning is
 * read.
 *
 * @param size in bytes
 * @param name of the .deb, for errors
 * @throws {StillroomError} ARTIFACT_MISMATCH when it is no .deb, or has no control file
 */
export async function readDebControl(read: ReadAt, size: number, name: string): Promise<DebControl> {
  const texts = new Map<string, string>()
  for await (const { member, content } of tarMembers(debControlTar(read, size, name))) {
    const file = withoutDot(member.name)
    if (!READ.has(file)) continue
    const parts: Buffer[] = []
    for await (const bytes of content) parts.push(bytes)
    texts.set(file, Buffer.concat(parts).toString())
  }
  const control = texts.get('control')
  if (control === undefined)
    throw new StillroomError('ARTIFACT_MISMATCH', `cannot read ${name}: it has no control file`)
  const sums = texts.get('md5sums')
  const files =
    sums === undefined
      ? await listFiles(read, size, name)
      : // a path a line, behind a sum and two spaces; what dpkg keeps when it was changed has no sum
        [...sums.split('\n').map((line) => line.slice(34)), ...(texts.get('conffiles') ?? '').split('\n')]
  return { control, files: files.map(withoutDot).filter((path) => path !== '') }
}

const READ = new Set(['control', 'md5sums', 'conffiles'])

async function listFiles(read: ReadAt, size: number, name: string): Promise<string[]> {
  const paths: string[] = []
  for await (const { member } of tarMembers(debDataTar(read, size, name)))
    if (member.flag !== '5') paths.push(member.name)
  return paths
}

const withoutDot = (path: string) => path.replace(/^\.?\/+/, '')
