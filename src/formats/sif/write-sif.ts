import {
  ARCHITECTURES,
  DATA_TYPES,
  DESCRIPTOR_AT,
  FILE_SYSTEMS,
  GROUP_ONE,
  HEADER_AT,
  LAUNCH,
  NAME_LENGTH,
  PARTITIONS,
  SIF_DESCRIPTOR,
  SIF_MAGIC,
  SIF_VERSION,
} from './sif-layout.ts'

/** What a SIF is made of, apart from the bytes of its squashfs. */
export interface SifParts {
  /** Go's name of it: `amd64`. */
  architecture: string
  /** 16 bytes. */
  id: Buffer
  /** Seconds since 1970, of the SIF and all that is in it. */
  time: number
  /** Texts beside the root file system. */
  documents: { kind: 'definition' | 'json'; name: string; content: Buffer }[]
  /** Bytes of the squashfs of the root file system. */
  squashfs: number
}

/** Objects begin at pages, so that the squashfs can be mounted where it lies. */
const PAGE = 4096
/** As many as Apptainer has room for: others may add signatures. */
const CAPACITY = 48

/**
 * All of a SIF but its squashfs, which comes between: the same bytes for the same parts.
 *
 * @returns what comes before the squashfs; nothing comes after it
 */
export function sifHead({ architecture, id, time, documents, squashfs }: SifParts): Buffer {
  const dataAt = align(PAGE + CAPACITY * SIF_DESCRIPTOR)
  const descriptors: Buffer[] = []
  let end = dataAt
  const place = (type: number, name: string, size: number, extra = Buffer.alloc(0)): number => {
    const at = align(end)
    const bytes = Buffer.alloc(SIF_DESCRIPTOR)
    bytes.writeInt32LE(type, DESCRIPTOR_AT.type)
    bytes[DESCRIPTOR_AT.used] = 1
    bytes.writeUInt32LE(descriptors.length + 1, DESCRIPTOR_AT.id)
    bytes.writeUInt32LE(GROUP_ONE, DESCRIPTOR_AT.group)
    writeNumber(bytes, DESCRIPTOR_AT.offset, at)
    writeNumber(bytes, DESCRIPTOR_AT.size, size)
    writeNumber(bytes, DESCRIPTOR_AT.padded, at - end + size)
    writeNumber(bytes, DESCRIPTOR_AT.created, time)
    writeNumber(bytes, DESCRIPTOR_AT.modified, time)
    bytes.write(name.slice(0, NAME_LENGTH - 1), DESCRIPTOR_AT.name, 'latin1')
    extra.copy(bytes, DESCRIPTOR_AT.extra)
    descriptors.push(bytes)
    end = at + size
    return at
  }
  const placed = documents.map(({ kind, name, content }) => ({
    at: place(DATA_TYPES[kind], name, content.length),
    content,
  }))
  const arch = `${codeOf(architecture)}\0`
  const partition = Buffer.alloc(11)
  partition.writeInt32LE(FILE_SYSTEMS.squashfs, 0)
  partition.writeInt32LE(PARTITIONS.primary, 4)
  partition.write(arch, 8, 'latin1')
  const squashfsAt = place(DATA_TYPES.partition, 'root', squashfs, partition)

  const head = Buffer.alloc(squashfsAt)
  head.write(LAUNCH, HEADER_AT.launch, 'latin1')
  head.write(SIF_MAGIC + SIF_VERSION + arch, HEADER_AT.magic, 'latin1')
  id.copy(head, HEADER_AT.id, 0, 16)
  writeNumber(head, HEADER_AT.created, time)
  writeNumber(head, HEADER_AT.modified, time)
  writeNumber(head, HEADER_AT.free, CAPACITY - descriptors.length)
  writeNumber(head, HEADER_AT.total, CAPACITY)
  writeNumber(head, HEADER_AT.descriptors, PAGE)
  writeNumber(head, HEADER_AT.descriptorsSize, CAPACITY * SIF_DESCRIPTOR)
  writeNumber(head, HEADER_AT.data, dataAt)
  writeNumber(head, HEADER_AT.dataSize, end - dataAt)
  Buffer.concat(descriptors).copy(head, PAGE)
  for (const { at, content } of placed) content.copy(head, at)
  return head
}

const align = (offset: number) => Math.ceil(offset / PAGE) * PAGE

function writeNumber(bytes: Buffer, at: number, value: number): void {
  bytes.writeBigInt64LE(BigInt(value), at)
}

function codeOf(architecture: string): string {
  const [code] = Object.entries(ARCHITECTURES).find(([, name]) => name === architecture) ?? []
  if (code === undefined) throw new TypeError(`SIF has no number for ${architecture}`)
  return code
}
