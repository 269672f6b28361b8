import type { DebianIndex, DebianPackage, LockedPlatform } from '../lock/schema.ts'

/* Programs of Debian that are run in containers and make bytes that others know by their sums, pinned like the packages of a lock. */

const INDEX: DebianIndex = {
  archive: 'debian',
  suite: 'bookworm',
  component: 'main',
  date: '2026-07-11T10:16:37Z',
  release: '77737fa4b34f2693e982cc9ee35736816c35a7778fc2d326cc1bbf5b301fe1aa',
  packages: '515e692f2c4121c6fcec444ef100cc18f79a991910615f3a88c8b7becfc94d2f',
  signedBy: [
    '04B54C3CDCA79751B16BC6B5225629DF75B188BD',
    '4D64FEC119C2029067D6E791F8D2585B8783D481',
    'B8B80B5B623EAB6AD8775C45B7C5D7D6350947F8',
  ],
}

const libc6 = deb(
  'libc6',
  '2.36-9+deb12u14',
  'g/glibc/libc6_2.36-9+deb12u14',
  2759320,
  'ba4f88f73dbc3ae9055f3c20f4523bfdbaf1ad13ff95e258924f77d20b4fbedf',
)
const liblz4 = deb(
  'liblz4-1',
  '1.9.4-1',
  'l/lz4/liblz4-1_1.9.4-1',
  62884,
  '64cde86cef1deaf828bd60297839b59710b5cd8dc50efd4f12643caaee9389d3',
)
const liblzma = deb(
  'liblzma5',
  '5.4.1-1+deb12u1',
  'x/xz-utils/liblzma5_5.4.1-1+deb12u1',
  205732,
  'f96d8876b53ec89d76a992bc199679b818cf518225a768954d9451fb556a4eb7',
)
const liblzo2 = deb(
  'liblzo2-2',
  '2.10-2',
  'l/lzo2/liblzo2-2_2.10-2',
  56912,
  '4f08e092c76e425295a498cd547dc9b8f6a595473f3020ab8c96309b29872636',
)
const libsquashfs = deb(
  'libsquashfs1',
  '1.2.0-1',
  's/squashfs-tools-ng/libsquashfs1_1.2.0-1',
  47472,
  '7bf3ef5208bc88f2b6f380c5d8b631496e4da4037ddc6d2867ad81b4a7e2fa9d',
)
const libzstd = deb(
  'libzstd1',
  '1.5.4+dfsg2-5',
  'libz/libzstd/libzstd1_1.5.4+dfsg2-5',
  290036,
  '6315b5ac38b724a710fb96bf1042019398cb656718b1522279a5185ed39318fa',
)
const squashfsTools = deb(
  'squashfs-tools-ng',
  '1.2.0-1',
  's/squashfs-tools-ng/squashfs-tools-ng_1.2.0-1',
  93268,
  '4edcbc605bcede24b2c113048692f303dd127c7a3e9cf4da3533a1d5ce8353d1',
)
const zlib = deb(
  'zlib1g',
  '1:1.2.13.dfsg-1',
  'z/zlib/zlib1g_1.2.13.dfsg-1',
  86684,
  'd7dd1d1411fedf27f5e27650a6eff20ef294077b568f4c8c5e51466dc7c08ce4',
)
const zstd = deb(
  'zstd',
  '1.5.4+dfsg2-5',
  'libz/libzstd/zstd_1.5.4+dfsg2-5',
  700656,
  '3f6f833ae2fd533a0c9238310aef1148f51a64aa5d5f1278451ddc793d4d6d15',
)

/**
 * What packs squashfs: `tar2sqfs` of squashfs-tools-ng, and the libraries that it is linked with. Every SIF's sum follows from it:
 * whoever changes it changes all of them.
 */
export const PACKER = programs([libc6, liblz4, liblzma, liblzo2, libsquashfs, libzstd, squashfsTools, zlib])

/**
 * What compresses layers that are published: `zstd`, and the libraries that it is linked with. The digest by which registries
 * know an image follows from it.
 */
export const COMPRESSOR = programs([libc6, liblz4, liblzma, zlib, zstd])

function programs(packages: DebianPackage[]): LockedPlatform {
  return {
    epoch: 1_783_764_997,
    base: { kind: 'debian', suite: 'bookworm', indexes: [INDEX], seed: [], packages },
    steps: [],
    image: null,
  }
}

function deb(name: string, version: string, file: string, size: number, sha256: string): DebianPackage {
  const path = `pool/main/${file}_amd64.deb`
  return { name, version, architecture: 'amd64', archive: 'debian', path, size, sha256 }
}
