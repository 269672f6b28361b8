import { StillroomError } from '../../error.ts'
import { AR_HEADER } from '../ar.ts'
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
  for await (const { member, content } of tarMembers([await readControlTar(read, size, name)])) {
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
      ? await listFiles(await read(0, size), name)
      : // a path a line, behind a sum and two spaces; what dpkg keeps when it was changed has no sum
        [...sums.split('\n').map((line) => line.slice(34)), ...(texts.get('conffiles') ?? '').split('\n')]
  return { control, files: files.map(withoutDot).filter((path) => path !== '') }
}

const READ = new Set(['control', 'md5sums', 'conffiles'])

/** Where deb(5) has the control archive's header: behind the magic and the member `debian-binary` of four bytes. */
const CONTROL = 8 + AR_HEADER + 4

async function readControlTar(read: ReadAt, size: number, name: string): Promise<Buffer> {
  const start = await read(0, Math.min(size, CONTROL + AR_HEADER))
  const isThere = start.toString('latin1', CONTROL, CONTROL + 'control.tar'.length) === 'control.tar'
  const length = Number(start.toString('latin1', CONTROL + 48, CONTROL + 58).trim())
  const end = isThere ? CONTROL + AR_HEADER + length : size
  return debControlTar(await read(0, Math.min(size, end)), name)
}

async function listFiles(deb: Uint8Array, name: string): Promise<string[]> {
  const paths: string[] = []
  for await (const { member } of tarMembers([await debDataTar(deb, name)]))
    if (member.flag !== '5') paths.push(member.name)
  return paths
}

const withoutDot = (path: string) => path.replace(/^\.?\/+/, '')
