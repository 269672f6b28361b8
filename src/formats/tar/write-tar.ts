/** One member. Names are bytes as latin1: git's are any but NUL. */
export interface TarMember {
  path: string
  type: 'file' | 'symlink' | 'directory'
  executable?: boolean
  /** In bytes; of a file. */
  size?: number
  target?: string
}

const BLOCK = 512
const TYPES = { file: '0', symlink: '2', directory: '5' }

/**
 * The header of a member in GNU's format, whose long names are any bytes: owner 0, time 0. For the same member always
 * the same bytes (https://www.gnu.org/software/tar/manual/html_node/Standard.html).
 */
export function tarHeader({ path, type, executable = false, size = 0, target = '' }: TarMember): Buffer {
  const name = type === 'directory' ? `${path}/` : path
  const mode = type === 'symlink' ? 0o777 : type === 'directory' || executable ? 0o755 : 0o644
  return Buffer.concat([
    ...(target.length > 100 ? longName('K', target) : []),
    ...(name.length > 100 ? longName('L', name) : []),
    block(name, TYPES[type], mode, size, target),
  ])
}

/** What follows a file's content. */
export function tarPadding(size: number): Buffer {
  return Buffer.alloc((BLOCK - (size % BLOCK)) % BLOCK)
}

/** What ends an archive. */
export const TAR_END = Buffer.alloc(2 * BLOCK)

function longName(flag: 'K' | 'L', name: string): Buffer[] {
  const content = Buffer.from(`${name}\0`, 'latin1')
  return [block('././@LongLink', flag, 0o644, content.length, ''), content, tarPadding(content.length)]
}

function block(name: string, flag: string, mode: number, size: number, target: string): Buffer {
  const header = Buffer.alloc(BLOCK)
  header.write(name.slice(0, 100), 0, 'latin1')
  header.write(`${octal(mode, 7)}\0${octal(0, 7)}\0${octal(0, 7)}\0`, 100, 'latin1')
  writeSize(header, size)
  header.write(`${octal(0, 11)}\0        ${flag}`, 136, 'latin1')
  header.write(target.slice(0, 100), 157, 'latin1')
  header.write('ustar  \0', 257, 'latin1')
  const sum = header.reduce((total, byte) => total + byte, 0)
  header.write(`${octal(sum, 6)}\0 `, 148, 'latin1')
  return header
}

/** Octal up to 8 GiB, then base 256 as GNU tar writes it. */
function writeSize(header: Buffer, size: number): void {
  if (size < 8 ** 11) {
    header.write(`${octal(size, 11)}\0`, 124, 'latin1')
    return
  }
  header[124] = 0x80
  header.writeBigUInt64BE(BigInt(size), 128)
}

const octal = (value: number, digits: number) => value.toString(8).padStart(digits, '0')
