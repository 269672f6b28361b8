import { readFileSync } from 'node:fs'
import { gunzipSync } from 'node:zlib'
import { beforeAll, describe, expect, test } from 'vitest'
import { FileTree } from '../../../image/file-tree.ts'
import { ociFiles, pieces, tarOf } from '../../../image/image-archive.test-data.ts'
import { copyTree } from '../../../image/mutable-tree.test-data.ts'
import { readImageTree } from '../../../image/read-archive.ts'
import { certificateBundle, certificateLinks, trustedCertificates } from '../../expect/certificates.ts'
import { triggerFiles } from '../../expect/trigger-files.ts'
import { compareNames, libraryCacheProblem } from './library-cache.ts'
import { pamFiles } from './pam.ts'
import { packageShells } from './shells.ts'

/*
 * What the programs of Debian's packages made in built images, and what they made it of: of Debian 12 that of hello, with
 * eight certificates of the package; of Debian 11 the libraries of fenics-tf, each file cut to its first four bytes.
 */

async function recordedTree(name: string): Promise<FileTree> {
  const layer = gunzipSync(readFileSync(new URL(`recorded/${name}.tar.gz`, import.meta.url)))
  const { root } = await readImageTree(pieces(await tarOf(ociFiles([layer]))), { keep: () => true })
  return new FileTree(root)
}

let tree: FileTree
let libraries: FileTree
beforeAll(async () => {
  tree = await recordedTree('debian-12')
  libraries = await recordedTree('debian-11-libraries')
})

const text = (path: string) => tree.read(path)?.toString('latin1') ?? expect.unreachable(path)

/** The same tree with another content of one file. */
function withContent(before: FileTree, path: string, content: Buffer | string): FileTree {
  const root = copyTree(before.root)
  const inode = new FileTree(root).findLink(path)?.inode ?? expect.unreachable(path)
  inode.content = Buffer.from(content)
  return new FileTree(root)
}

describe('pamFiles()', () => {
  const paths = ['auth', 'account', 'password', 'session', 'session-noninteractive'].flatMap((type) => [
    `etc/pam.d/common-${type}`,
    `var/lib/pam/${type}`,
  ])

  test.each([...paths, 'var/lib/pam/seen'])('gives %s as pam-auth-update wrote it', (path) => {
    expect(pamFiles(tree).get(path)).toBe(text(path))
  })

  test('puts the profiles of a block in order, and counts their jumps', () => {
    const profile = `Name: one time codes
Default: yes
Priority: 512
Auth-Type: Primary
Auth:
	[success=end default=ignore]	pam_code.so
	[success=1 default=ignore]	pam_other.so
Auth-Initial:
	[success=end default=ignore]	pam_code.so first
	[success=1 default=ignore]	pam_other.so
`
    const files = pamFiles(withContent(tree, 'usr/share/pam-configs/mkhomedir', profile))
    const lines = files
      .get('etc/pam.d/common-auth')
      ?.split('\n')
      .filter((line) => /^auth/.test(line))
    expect(lines).toEqual([
      'auth\t[success=3 default=ignore]\tpam_code.so first',
      'auth\t[success=1 default=ignore]\tpam_other.so ',
      'auth\t[success=1 default=ignore]\tpam_unix.so nullok try_first_pass',
      'auth\trequisite\t\t\tpam_deny.so',
      'auth\trequired\t\t\tpam_permit.so',
    ])
    expect(files.get('var/lib/pam/seen')).toBe('mkhomedir\nunix\n')
  })

  test('leaves out what a profile excludes, and fills an empty block', () => {
    const none = withContent(tree, 'usr/share/pam-configs/unix', 'Name: none\nDefault: no\nPriority: 1\n')
    expect(pamFiles(none).get('etc/pam.d/common-auth')).toContain('auth\t[default=1]\t\t\tpam_permit.so\n')
    expect(pamFiles(none).get('var/lib/pam/auth')).toBe('Module: null\n[default=1]\t\t\tpam_permit.so\n')
  })
})

describe('certificates', () => {
  test('certificateLinks() names every link as openssl rehash did', () => {
    const links = certificateLinks(tree)
    expect(trustedCertificates(tree)).toHaveLength(8)
    expect(links.size).toBe(16)
    for (const [name, target] of links)
      expect(tree.findLink(`etc/ssl/certs/${name}`)?.inode.target).toBe(target)
  })

  test('certificateBundle() has each trusted certificate once, in the order of the list', () => {
    const blocks = certificateBundle(tree).match(/-----BEGIN CERTIFICATE-----/g)
    expect(blocks).toHaveLength(8)
    expect(
      certificateBundle(withContent(tree, 'etc/ca-certificates.conf', '# none\n!mozilla/Certigna.crt\n')),
    ).toBe('')
  })
})

describe('libraryCacheProblem()', () => {
  const cache = (of: FileTree) => of.read('etc/ld.so.cache') ?? expect.unreachable()

  test("accepts ldconfig's cache of Debian 12, and the older kind of Debian 11", () => {
    expect(libraryCacheProblem(cache(tree), tree)).toBeUndefined()
    expect(libraryCacheProblem(cache(libraries), libraries)).toBeUndefined()
  })

  const written = (change: (bytes: Buffer) => void) => {
    const bytes = Buffer.from(cache(tree))
    change(bytes)
    return libraryCacheProblem(bytes, tree)
  }

  test.each<[what: string, change: (bytes: Buffer) => void, problem: RegExp]>([
    ['without entries', (bytes) => bytes.writeUInt32LE(0, 20), /it lacks \/lib/],
    [
      'with an entry less',
      (bytes) => bytes.writeUInt32LE(bytes.readUInt32LE(20) - 1, 20),
      /lacks|another|more than/,
    ],
    ['with two entries exchanged', (bytes) => exchange(bytes, 48, 72), /not in its place/],
    [
      'with the path of another library',
      (bytes) => bytes.copy(bytes, 48 + 8, 72 + 8, 72 + 12),
      /no library that ldconfig/,
    ],
    ['with another machine', (bytes) => bytes.writeUInt32LE(3, 48), /not of this machine/],
    ['with other bytes in its header', (bytes) => bytes.writeUInt8(1, 40), /its header is another/],
    ['with another note', (bytes) => bytes.write('evil', bytes.length - 30), /its note is not of/],
    ['of another kind', (bytes) => bytes.write('x'), /not a cache/],
  ])('finds one %s', (_, change, problem) => {
    expect(written(change)).toMatch(problem)
  })

  function exchange(bytes: Buffer, a: number, b: number): void {
    const first = Buffer.from(bytes.subarray(a, a + 24))
    bytes.copy(bytes, a, b, b + 24)
    first.copy(bytes, b)
  }

  test('finds a library that the cache does not have', () => {
    const bytes = cache(tree)
    const path = 'etc/ld.so.conf.d/x86_64-linux-gnu.conf'
    const elsewhere = withContent(tree, path, '/usr/share/pam\n')
    expect(libraryCacheProblem(bytes, elsewhere)).toMatch(/no library that ldconfig finds/)
  })

  test.each(['', 'ELF'])('finds a library that is none any more: %j', (content) => {
    const directory = 'usr/lib/x86_64-linux-gnu'
    const isLibrary = (name: string) =>
      /^lib.*\.so\.\d/.test(name) && tree.findLink(`${directory}/${name}`)?.inode.type === 'file'
    const name = tree.list(directory).find(isLibrary) ?? expect.unreachable()
    const broken = withContent(tree, `${directory}/${name}`, content)
    expect(libraryCacheProblem(cache(tree), broken)).toMatch(/no library that ldconfig finds/)
  })

  test('compareNames() takes digits for numbers', () => {
    expect(compareNames('libx.so.10', 'libx.so.9')).toBeGreaterThan(0)
    expect(compareNames('libx-2.so', 'libx.so')).toBeLessThan(0)
    expect(compareNames('libx.so', 'libx.so')).toBe(0)
  })
})

test('packageShells() gives the list of update-shells', () => {
  expect(
    packageShells(tree)
      .map((line) => `${line}\n`)
      .join(''),
  ).toBe(text('var/lib/shells.state'))
})

test('triggerFiles() gives what dpkg noted', () => {
  const names = tree.list('var/lib/dpkg/triggers').filter((name) => !['Lock', 'Unincorp'].includes(name))
  const lines = (name: string) => text(`var/lib/dpkg/triggers/${name}`).split('\n').filter(Boolean).sort()
  expect(names.map((name) => [name, lines(name)])).toEqual(
    [...triggerFiles(tree)].sort().map(([name, entries]) => [name, [...entries].sort()]),
  )
})
