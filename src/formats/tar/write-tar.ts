import { XATTR } from './tar-header.ts'
import type { TarMember } from './tar-reader.ts'

/** What to write as one member. Names are bytes as latin1: git's are any but NUL. */
export interface TarEntry {
  path: string
  type: 'file' | 'symlink' | 'directory'
  executable?: boolean
  /** In bytes; of a file. */
  size?: number
  target?: string
}

/** Whose a member is and what it allows, where that is not the same for all: permission bits, numbers, seconds since 1970. */
export interface TarAttributes {
  mode: number
  uid: number
  gid: number
  mtime: number
}

const BLOCK = 512
const TYPES = { file: '0', symlink: '2', directory: '5' }

/**
 * The header of a member in GNU's format, whose long names are any bytes: owner 0 and time 0, unless it has attributes of its
 * own. For the same member always the same bytes (https://www.gnu.org/software/tar/manual/html_node/Standard.html).
 */
export function tarHeader(
  { path, type, executable = false, size = 0, target = '' }: TarEntry,
  attributes?: TarAttributes,
): Buffer {
  const name = type === 'directory' ? `${path}/` : path
  const mode = type === 'symlink' ? 0o777 : type === 'directory' || executable ? 0o755 : 0o644
  return Buffer.concat([
    ...(target.length > 100 ? longName('K', target) : []),
    ...(name.length > 100 ? longName('L', name) : []),
    block('gnu', { name, flag: TYPES[type], mode, size, target, ...attributes }),
  ])
}

/**
 * The header of a file or symlink in the format of POSIX, byte for byte as tar-stream 3 packs it: owner 0; a PAX record
 * for what has no place in ustar's header (https://pubs.opengroup.org/onlinepubs/9799919799/utilities/pax.html). Names
 * are UTF-8: what is not becomes U+FFFD.
 *
 * @param mtime in seconds
 */
export function paxHeader(member: TarEntry, mtime: number): Buffer {
  const [path, target] = [member.path, member.target ?? ''].map(asUtf8) as [string, string]
  const common = { mode: member.executable ? 0o755 : 0o644, mtime }
  const content = { ...common, flag: TYPES[member.type], size: member.size ?? 0 }
  const names = /^[\0-\x7f]*$/.test(path) && target.length <= 100 ? splitName(path) : undefined
  if (names) return block('ustar', { ...content, ...names, target })
  const records = paxRecord('path', path) + (target === '' ? '' : paxRecord('linkpath', target))
  const replaced = { name: 'PaxHeader', target: target === '' ? '' : 'PaxHeader' }
  return Buffer.concat([
    block('ustar', { ...common, ...replaced, flag: 'x', size: records.length }),
    Buffer.from(records, 'latin1'),
    tarPadding(records.length),
    block('ustar', { ...content, ...replaced }),
  ])
}

/**
 * The header of any member, with all that it has: the format of POSIX, with a PAX record for each attribute and for what has
 * no place in ustar's header. Names are bytes.
 */
export function memberHeader({ name, linkName, xattrs, ...member }: TarMember): Buffer {
  const names = splitName(name)
  const records = [
    ...(names ? [] : [paxRecord('path', name)]),
    ...(linkName.length > 100 ? [paxRecord('linkpath', linkName)] : []),
    ...(['uid', 'gid'] as const)
      .filter((key) => member[key] >= OWNERS)
      .map((key) => paxRecord(key, String(member[key]))),
    ...[...xattrs].sort(([a], [b]) => (a < b ? -1 : 1)).map(([key, value]) => paxRecord(XATTR + key, value)),
  ].join('')
  const fields = { ...member, uid: member.uid % OWNERS, gid: member.gid % OWNERS, target: linkName }
  const header = block('ustar', { ...fields, ...(names ?? { name: 'PaxHeader' }) })
  if (records === '') return header
  const pax = { name: 'PaxHeader', flag: 'x', mode: 0o644, size: records.length, target: '' }
  return Buffer.concat([
    block('ustar', pax),
    Buffer.from(records, 'latin1'),
    tarPadding(records.length),
    header,
  ])
}

/** Owners from this on have no place in six octal digits, as they are in ustar's header here. */
const OWNERS = 8 ** 6

/** What follows a file's content. */
export function tarPadding(size: number): Buffer {
  return Buffer.alloc((BLOCK - (size % BLOCK)) % BLOCK)
}

/** What ends an archive. */
export const TAR_END = Buffer.alloc(2 * BLOCK)

/** Bytes as latin1, before and after. */
const asUtf8 = (bytes: string) =>
  Buffer.from(Buffer.from(bytes, 'latin1').toString('utf8')).toString('latin1')

/** As much as needs be goes into the prefix, by whole directories. */
function splitName(path: string): { name: string; prefix: string } | undefined {
  if (path.length <= 100) return { name: path, prefix: '' }
  const slash = path.indexOf('/', path.length - 101)
  return slash < 0 || slash > 155 ? undefined : { name: path.slice(slash + 1), prefix: path.slice(0, slash) }
}

/** `LENGTH KEY=VALUE\n`, the length being that of all of it. */
function paxRecord(key: string, value: string): string {
  const rest = ` ${key}=${value}\n`
  const digits = String(rest.length).length
  const length = rest.length + digits
  return `${String(length).length > digits ? length + 1 : length}${rest}`
}

function longName(flag: 'K' | 'L', name: string): Buffer[] {
  const content = Buffer.from(`${name}\0`, 'latin1')
  return [
    block('gnu', { name: '././@LongLink', flag, mode: 0o644, size: content.length, target: '' }),
    content,
    tarPadding(content.length),
  ]
}

interface Fields {
  name: string
  prefix?: string
  flag: string
  mode: number
  size: number
  target: string
  mtime?: number
  uid?: number
  gid?: number
  major?: number
  minor?: number
}

function block(format: 'gnu' | 'ustar', fields: Fields) {
  const {
    name,
    prefix = '',
    flag,
    mode,
    size,
    target,
    mtime = 0,
    uid = 0,
    gid = 0,
    major = 0,
    minor = 0,
  } = fields
  const header = Buffer.alloc(BLOCK)
  const gnu = format === 'gnu'
  const number = (value: number) => (gnu ? `${octal(value, 7)}\0` : `${octal(value, 6)} \0`)
  const end = gnu ? '\0' : ' '
  header.write(name.slice(0, 100), 0, 'latin1')
  header.write(number(mode), 100, 'latin1')
  writeOwner(header, uid, 108, number)
  writeOwner(header, gid, 116, number)
  writeSize(header, size, end)
  header.write(`${octal(mtime, 11)}${end}        ${flag}`, 136, 'latin1')
  header.write(target.slice(0, 100), 157, 'latin1')
  header.write(
    gnu ? 'ustar  \0' : `ustar\x0000${'\0'.repeat(64)}${number(major)}${number(minor)}`,
    257,
    'latin1',
  )
  header.write(prefix, 345, 'latin1')
  const sum = header.reduce((total, byte) => total + byte, 0)
  header.write(gnu ? `${octal(sum, 6)}\0 ` : number(sum), 148, 'latin1')
  return header
}

/** Octal up to 2,097,151, then base 256 as GNU tar writes it. */
function writeOwner(header: Buffer, id: number, at: number, number: (value: number) => string): void {
  if (id < 8 ** 7) {
    header.write(number(id), at, 'latin1')
    return
  }
  header[at] = 0x80
  header.writeUInt32BE(id, at + 4)
}

/** Octal up to 8 GiB, then base 256 as GNU tar writes it. */
function writeSize(header: Buffer, size: number, end: string): void {
  if (size < 8 ** 11) {
    header.write(`${octal(size, 11)}${end}`, 124, 'latin1')
    return
  }
  header[124] = 0x80
  header.writeBigUInt64BE(BigInt(size), 128)
}

const octal = (value: number, digits: number) => value.toString(8).padStart(digits, '0')
