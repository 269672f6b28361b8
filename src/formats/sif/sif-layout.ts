/**
 * The Singularity Image Format: a header, a table of descriptors, and data objects at the places that these give
 * (https://github.com/sylabs/sif, package `sif`; all numbers little-endian).
 */
export const SIF_HEADER = 128
export const SIF_DESCRIPTOR = 585

/** Where in the header what lies. */
export const HEADER_AT = {
  launch: 0,
  magic: 32,
  version: 42,
  arch: 45,
  id: 48,
  created: 64,
  modified: 72,
  free: 80,
  total: 88,
  descriptors: 96,
  descriptorsSize: 104,
  data: 112,
  dataSize: 120,
}
/** Where in a descriptor what lies. */
export const DESCRIPTOR_AT = {
  type: 0,
  used: 4,
  id: 5,
  group: 9,
  link: 13,
  offset: 17,
  size: 25,
  padded: 33,
  created: 41,
  modified: 49,
  name: 73,
  extra: 201,
}
export const NAME_LENGTH = 128

export const SIF_MAGIC = 'SIF_MAGIC\0'
export const SIF_VERSION = '01\0'
/** What makes a SIF a program: Linux asks for `run-singularity`, which Apptainer has, too. */
export const LAUNCH = '#!/usr/bin/env run-singularity\n'

/** Go's names of architectures by SIF's numbers for them. */
export const ARCHITECTURES: Readonly<Record<string, string>> = {
  '01': '386',
  '02': 'amd64',
  '03': 'arm',
  '04': 'arm64',
  '05': 'ppc64',
  '06': 'ppc64le',
  '07': 'mips',
  '08': 'mipsle',
  '09': 'mips64',
  '10': 'mips64le',
  '11': 's390x',
  '12': 'riscv64',
  '13': 'loong64',
}

export const DATA_TYPES = { definition: 0x4001, partition: 0x4004, json: 0x4006, ociIndex: 0x400a } as const
export const FILE_SYSTEMS = { squashfs: 1, ext3: 2, archive: 3, raw: 4, encrypted: 5 } as const
export const PARTITIONS = { system: 1, primary: 2, data: 3, overlay: 4 } as const

/** What descriptors of objects that belong together have in common; bits of the group's own mark it as one. */
export const GROUP_ONE = 0xf0000001
