import { imageInvalid } from '../image-invalid.ts'
import type { ReadAt } from '../read-at.ts'
import {
  ARCHITECTURES,
  DATA_TYPES,
  DESCRIPTOR_AT,
  FILE_SYSTEMS,
  HEADER_AT,
  LAUNCH,
  NAME_LENGTH,
  PARTITIONS,
  SIF_DESCRIPTOR,
  SIF_HEADER,
  SIF_MAGIC,
  SIF_VERSION,
} from './sif-layout.ts'

/** A data object of a SIF: so many bytes of the file from an offset on. */
export interface SifObject {
  id: number
  type: number
  /** As it is written; may be hostile. */
  name: string
  offset: number
  size: number
  /** Of a partition. */
  partition?: { fileSystem: number; kind: number; arch: string }
}

export interface Sif {
  /** Go's name of it: `amd64`. */
  architecture: string
  objects: SifObject[]
}

/** More than any SIF has: those of Sylabs and Apptainer have room for 48. */
const DESCRIPTORS = 4096

/** Whether a file begins as a SIF does. */
export function isSif(head: Uint8Array): boolean {
  return Buffer.from(head).toString('latin1', HEADER_AT.magic, HEADER_AT.version) === SIF_MAGIC
}

/**
 * Reads what a SIF has, without its data.
 *
 * @param size bytes of the file
 * @throws {StillroomError} IMAGE_INVALID
 */
export async function readSif(read: ReadAt, size: number): Promise<Sif> {
  if (size < SIF_HEADER) throw imageInvalid(`The SIF is cut short: it has ${size} bytes`)
  const header = await read(0, SIF_HEADER)
  if (!isSif(header)) throw imageInvalid('The file is not a SIF')
  const version = header.toString('latin1', HEADER_AT.version, HEADER_AT.arch)
  if (version !== SIF_VERSION)
    throw imageInvalid(`The SIF has version ${JSON.stringify(version)}: expected "01", the only one there is`)
  const [launch = ''] = header.toString('latin1', HEADER_AT.launch, HEADER_AT.magic).split('\0')
  // whoever starts the file itself starts that
  if (launch !== '' && launch !== LAUNCH)
    throw imageInvalid(`The SIF is a program of another kind: it begins with ${JSON.stringify(launch)}`)
  const total = numberAt(header, HEADER_AT.total)
  const offset = numberAt(header, HEADER_AT.descriptors)
  if (total > DESCRIPTORS) throw imageInvalid(`The SIF has ${total} descriptors`)
  requireInside('The table of descriptors', offset, total * SIF_DESCRIPTOR, size)
  const table = await read(offset, total * SIF_DESCRIPTOR)
  const objects: SifObject[] = []
  for (let at = 0; at < table.length; at += SIF_DESCRIPTOR) {
    const object = readDescriptor(table.subarray(at, at + SIF_DESCRIPTOR))
    if (object === undefined) continue
    requireInside(`Object ${object.id} of the SIF`, object.offset, object.size, size)
    if (objects.some(({ id }) => id === object.id)) throw imageInvalid(`The SIF has two objects ${object.id}`)
    objects.push(object)
  }
  return { architecture: architectureOf(header.toString('latin1', HEADER_AT.arch, HEADER_AT.id)), objects }
}

/**
 * The squashfs that a container of a SIF sees.
 *
 * @throws {StillroomError} IMAGE_INVALID when it has not just that: a file system of another kind, one that is encrypted or
 *   laid over it, or an OCI image in place of one
 */
export function rootPartition({ objects, architecture }: Sif): SifObject {
  if (objects.some(({ type }) => type === DATA_TYPES.ociIndex))
    throw imageInvalid(
      'The SIF holds an OCI image (an OCI-SIF), which is not read: save it as an OCI archive',
    )
  const partitions = objects.filter(({ partition }) => partition !== undefined)
  const [root, another] = partitions.filter(({ partition }) => partition?.kind === PARTITIONS.primary)
  if (root === undefined || another !== undefined)
    throw imageInvalid(`The SIF has ${root === undefined ? 'no' : 'more than one'} primary system partition`)
  if (partitions.some(({ partition }) => partition?.kind === PARTITIONS.overlay))
    throw imageInvalid('The SIF has an overlay, which changes what a container of it sees and is not read')
  const { fileSystem, arch } = root.partition ?? {}
  if (arch !== architecture) throw imageInvalid(`The SIF is for ${architecture}, and its root for ${arch}`)
  if (fileSystem === FILE_SYSTEMS.squashfs) return root
  const [name = `unknown (${fileSystem})`] =
    Object.entries(FILE_SYSTEMS).find(([, value]) => value === fileSystem) ?? []
  throw imageInvalid(`The file system in the SIF is ${name}, which is not read: expected a squashfs`)
}

function readDescriptor(bytes: Buffer): SifObject | undefined {
  const used = bytes[DESCRIPTOR_AT.used]
  if (used === 0) return undefined
  const type = bytes.readInt32LE(DESCRIPTOR_AT.type)
  const { name, extra } = DESCRIPTOR_AT
  const [text = ''] = bytes.toString('latin1', name, name + NAME_LENGTH).split('\0')
  return {
    id: bytes.readUInt32LE(DESCRIPTOR_AT.id),
    type,
    name: text,
    offset: numberAt(bytes, DESCRIPTOR_AT.offset),
    size: numberAt(bytes, DESCRIPTOR_AT.size),
    ...(type === DATA_TYPES.partition && {
      partition: {
        fileSystem: bytes.readInt32LE(extra),
        kind: bytes.readInt32LE(extra + 4),
        arch: architectureOf(bytes.toString('latin1', extra + 8, extra + 11)),
      },
    }),
  }
}

const architectureOf = (code: string) => ARCHITECTURES[code.replace('\0', '')] ?? 'unknown'

function numberAt(bytes: Buffer, at: number): number {
  const value = bytes.readBigInt64LE(at)
  if (value >= 0n && value <= BigInt(Number.MAX_SAFE_INTEGER)) return Number(value)
  throw imageInvalid(`The SIF has a place or size of ${value}`)
}

function requireInside(what: string, offset: number, length: number, size: number): void {
  if (offset + length <= size) return
  throw imageInvalid(`${what} ends at byte ${offset + length} of ${size}: the file is cut short or damaged`)
}
