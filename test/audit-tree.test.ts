import { mkdir, readdir } from 'node:fs/promises'
import { join } from 'node:path'
import { execa } from 'execa'
import fc from 'fast-check'
import { beforeAll, describe, expect, test } from 'vitest'
import type { AuditResult } from '../src/audit/audit-report.ts'
import { compareTree } from '../src/audit/compare/compare-tree.ts'
import { anyChange, type OneChange } from '../src/image/one-change.test-data.ts'
import { openImage } from '../src/image/open-image.ts'
import { parseTree } from '../src/image/parse-tree.ts'
import { escapeBytes, treeDigest, treeText } from '../src/image/tree-digest.ts'
import type { BuildReport } from '../src/report/build-report.ts'
import { auditInMemory, readForAudit, readLocked } from './support/audit-in-memory.ts'
import { NIGHTLY, rounds } from './support/nightly.ts'
import { copyProject } from './support/project.ts'
import { useScratchCache } from './support/scratch-cache.ts'
import { stillroom, stillroomJson } from './support/stillroom.ts'
import { tamperedImage } from './support/tampered-image.ts'
import { TAMPERINGS, type Tampering } from './support/tampering.ts'
import { withoutTrees } from './support/without-trees.ts'

const ROOT = join(import.meta.dirname, '..')
const LOCK = 'recipes/hello/lock.json'
/** What rules alone say of any change of an image. */
const IDENTITY = new Set(['image-id', 'tree-digest', 'layer-extra'])

useScratchCache()

let lock: Awaited<ReturnType<typeof readLocked>>

beforeAll(async () => {
  const { exitCode, stderr } = await stillroom(ROOT, ['build', 'recipe', 'hello'])
  expect(exitCode, stderr).toBe(0)
  lock = await readLocked(ROOT, 'hello')
})

/** What changes attributes that no rule about owners asks for: by `RULE SUBJECT`, notes left out. */
const ATTRIBUTES: Tampering[] = [
  {
    name: 'capabilities of a program',
    script: `python3 -B -c "import os, struct
os.setxattr('/usr/bin/python3.11', 'security.capability', struct.pack('<IIIII', 0x02000001, 1 << 7, 0, 0, 0))"`,
    expected: ['setuid /usr/bin/python3.11'],
  },
  {
    name: 'a file of accounts for another group',
    script: 'chgrp hello /etc/shadow',
    expected: ['file-mode /etc/shadow'],
  },
  {
    name: 'directories for another owner',
    script: 'chown hello /usr/local/bin /usr/local/sbin',
    expected: ['file-mode /usr/local/bin', 'file-mode /usr/local/sbin'],
  },
  {
    name: 'generated files that are gone',
    script: 'rm /etc/alternatives/awk /etc/ld.so.cache /etc/apt/sources.list /root/.bashrc',
    expected: [
      'file-missing /etc/alternatives/awk',
      'file-missing /etc/apt/sources.list',
      'file-missing /etc/ld.so.cache',
      'file-missing /root/.bashrc',
    ],
  },
  {
    name: 'an empty directory that Python imports from',
    script: 'mkdir /usr/lib/python3/dist-packages/numpy',
    expected: ['file-unexplained /usr/lib/python3/dist-packages/numpy'],
  },
  {
    name: 'a log',
    script: 'mkdir -p /var/log/apt && echo id > /var/log/apt/x',
    expected: ['file-unexplained /var/log/apt/x'],
  },
  {
    name: 'a mode of byte code',
    script: 'chmod 000 /usr/lib/python3.11/__pycache__/os.cpython-311.pyc',
    expected: ['file-mode /usr/lib/python3.11/__pycache__/os.cpython-311.pyc'],
  },
  {
    name: 'one byte, with size and time as before',
    script: `touch -r /etc/profile /tmp/time && sed -n p /etc/profile | tr '#' '%' > /tmp/new && cat /tmp/new > /etc/profile && touch -r /tmp/time /etc/profile && rm /tmp/new /tmp/time && touch -d @0 /tmp`,
    expected: ['file-modified /etc/profile', 'file-time /tmp'],
  },
  {
    name: 'a time',
    script: 'touch -d @1000000000 /usr/share/doc/bash',
    expected: ['file-time /usr/share/doc/bash'],
  },
  {
    name: 'a device',
    script: 'mknod /opt/null c 1 3 && chmod 600 /opt/null',
    expected: ['file-unexplained /opt/null'],
  },
]

/** Changes that rules on lines of generated files, or on names of files, would let pass. */
const MORE: Tampering[] = [
  {
    name: 'everybody may become root, by a line that PAM knows',
    script: "printf 'auth\\trequired\\t\\t\\tpam_permit.so\\n' > /etc/pam.d/common-auth",
    expected: [],
  },
  {
    name: 'an index of no libraries',
    script: `python3 -B -c "
import struct
d = bytearray(open('/etc/ld.so.cache', 'rb').read())
struct.pack_into('<I', d, 20, 0)
open('/etc/ld.so.cache', 'wb').write(d)"`,
    expected: [],
  },
  {
    name: 'subordinate ids of root',
    script: 'echo hello:0:65536 > /etc/subuid; echo hello:0:65536 > /etc/subgid',
    expected: [],
  },
  {
    name: 'files that nobody may read',
    script:
      "chmod 000 /etc/ssl/certs/ca-certificates.crt /etc/ld.so.cache; find /usr/lib/python3.11 -name '*.pyc' -exec chmod 000 {} +",
    expected: [],
  },
  { name: 'all of /usr for another user', script: 'chown -hR 1000:1000 /usr /etc /var', expected: [] },
  {
    name: 'another best choice of an alternative',
    script: `sed -i 's|^/usr/bin/mawk$|/usr/bin/dash|' /var/lib/dpkg/alternatives/awk && ln -sf /usr/bin/dash /etc/alternatives/awk`,
    expected: [],
  },
]

/** `docker diff` of the container that an image was committed from, by path: A, C or D. */
async function dockerDiff(container: string): Promise<Map<string, string>> {
  const { stdout } = await execa('docker', ['diff', container])
  return new Map(
    stdout
      .split('\n')
      .filter(Boolean)
      .map((line) => [line.slice(2), line.slice(0, 1)]),
  )
}

if (!NIGHTLY)
  console.warn(
    'two of three kinds of tampering, and 1,800 of 2,000 random changes, are left to the nightly tests',
  )

/** What an audit says of an image, by the locked tree that is in it. */
const exact = async (tampering: Tampering) => {
  const name = await tamperedImage(tampering)
  const image = await readForAudit(name, lock)
  if (image.inner !== undefined) expect(treeDigest(image.inner)).toBe(lock.locked.image?.tree)
  return { name, image, report: auditInMemory(image, lock, { tree: image.inner }) }
}

test.each([
  ['finds', true],
  ['reproduces', false],
])('a build without an audit that %s the locked image leaves its tree in the store', async (_, isPresent) => {
  const env = await withoutTrees()
  const trees = () => readdir(join(env.STILLROOM_CACHE, 'store/zstd')).catch(() => [])
  expect(await trees()).toEqual([])
  const directory = await copyProject('hello')
  if (!isPresent) await execa('docker', ['image', 'rm', '--force', 'stillroom/hello'])
  const words = ['build', 'recipe', 'hello', '--no-audit']
  const built = await stillroomJson<BuildReport>(directory, words, { env })
  expect(built).toMatchObject({
    ...{ unchanged: isPresent, verdict: 'identical' },
    image: { tree: expect.stringContaining(`:${(await trees())[0]}`) },
  })
})

describe('audit image with the locked tree', () => {
  test.each(NIGHTLY ? ATTRIBUTES : ATTRIBUTES.filter((_, index) => index % 3 === 0))(
    'finds $name, and nothing else',
    async (tampering) => {
      const { report } = await exact(tampering)
      const errors = report.findings.filter(({ severity }) => severity === 'error')
      expect(errors.map(({ rule, subject }) => `${rule} ${subject}`)).toEqual(tampering.expected)
      expect(report.findings.filter(({ severity }) => severity !== 'error').every(isFollowing)).toBe(true)
    },
  )

  test('takes it from the image where the store is empty, fetches nothing, and keeps it', async () => {
    const [{ script, expected }] = ATTRIBUTES as [Tampering]
    const directory = await copyProject('hello')
    const image = await tamperedImage({ ...(script && { script }) })
    const env = { STILLROOM_CACHE: join(directory, 'cache') }
    await mkdir(env.STILLROOM_CACHE)
    const words = ['audit', 'image', image, '--lock', LOCK]
    const { findings, trust } = await stillroomJson<AuditResult>(directory, words, { env })
    expect(findings.map(({ rule, subject }) => `${rule} ${subject}`)).toEqual(expected)
    expect(trust).toMatchObject({ files: 'locked-tree', byteCode: 'as-locked', owners: 'package-lists' })
    const { tree = '' } = lock.locked.image ?? {}
    const kept = await readdir(join(env.STILLROOM_CACHE, 'store'), { recursive: true })
    expect(kept.filter((path) => /[0-9a-f]{64}$/.test(path))).toEqual([
      `zstd/${tree.slice(7, 9)}/${tree.slice(7)}`,
    ])
  })

  test.each(
    NIGHTLY
      ? [...TAMPERINGS, ...MORE]
      : [...TAMPERINGS.filter((_, index) => index % 3 === 0), ...MORE.slice(0, 1)],
  )(
    'finds each path that docker says was changed, once, and no other; the rules alone find theirs: $name',
    async (tampering) => {
      const { name, image, report } = await exact(tampering)
      expect(report.verdict).toBe('findings')
      if (tampering.script !== undefined) await expectJustChanged(report, name, tampering)
      if (!MORE.includes(tampering)) expectByRules(auditInMemory(image, lock), tampering)
    },
  )
})

/** That the findings are of the paths that changed in a container. */
async function expectJustChanged(
  { findings }: AuditResult,
  container: string,
  { expected }: Tampering,
): Promise<void> {
  const changed = await dockerDiff(container)
  const paths = findings.map(({ subject }) => subject).filter((subject) => subject.startsWith('/'))
  expect(new Set(paths).size).toBe(paths.length)
  // of a directory that is gone, docker names no more than itself
  const isBelowGone = (path: string) =>
    [...changed].some(([other, kind]) => kind === 'D' && path.startsWith(`${other}/`))
  // nor a directory of which only the time is another
  const times = new Set(findings.filter(({ rule }) => rule === 'file-time').map(({ subject }) => subject))
  // nor a file of another content when its size and time are as before
  const named = new Set(expected.map((finding) => finding.slice(finding.indexOf(' ') + 1)))
  const others = paths.filter((path) => !times.has(path) && !named.has(path))
  expect(others.filter((path) => !changed.has(decodeURI(path)) && !isBelowGone(path))).toEqual([])
  const certain = [...changed].filter(([, kind]) => kind !== 'C').map(([path]) => path)
  expect(certain.filter((path) => !paths.map(decodeURI).includes(path))).toEqual([])
}

/** That the rules find just what a tampering says, and what every other image has. */
function expectByRules({ findings, image }: AuditResult, { script, command, expected }: Tampering): void {
  const found = findings.filter(({ rule, severity }) => !IDENTITY.has(rule) && severity !== 'note')
  expect(found.map(({ rule, subject }) => `${rule} ${subject}`).sort()).toEqual([...expected].sort())
  // of the same files, with another config, what differs in the config says why the ID is another
  const ids = findings.filter(({ rule }) => rule === 'image-id').map(({ actual }) => actual)
  const hasOtherFiles = script !== undefined || command !== undefined
  expect(ids).toEqual(hasOtherFiles ? [image.id] : [])
}

describe('auditImage() of hello, changed in memory', () => {
  const RULES: Record<OneChange['kind'], RegExp> = {
    content: /^file-modified$/,
    mode: /^(file-mode|setuid)$/,
    uid: /^(file-mode|setuid)$/,
    gid: /^(file-mode|setuid)$/,
    mtime: /^file-time$/,
    target: /^file-modified$/,
    type: /^file-modified$/,
    xattrs: /^(file-mode|setuid)$/,
    hardlinks: /^file-link$/,
    added: /^file-unexplained$/,
    removed: /^file-missing$/,
  }

  test('of any one change finds the path that differs, by the right rule, and nothing else', async () => {
    const { signal } = new AbortController()
    const { root, tree } = await openImage({ signal }, 'stillroom/hello')
    const locked = parseTree(treeText(root))
    expect(tree.count()).toBeGreaterThan(5000)
    const nothing = { issueAt: () => undefined, ownerOf: () => undefined, notesOf: () => [] }
    fc.assert(
      fc.property(anyChange(root), (change) => {
        const findings = compareTree(locked, change.root, nothing)
        expect(findings.map(({ subject }) => subject)).toEqual([`/${escapeBytes(change.path)}`])
        expect(findings[0]?.rule).toMatch(RULES[change.kind])
        expect(findings[0]?.severity).toBe('error')
      }),
      { numRuns: rounds(200, 2000) },
    )
  })
})

/** A directory's time that changed since something in it did. */
function isFollowing({ rule, severity }: AuditResult['findings'][number]): boolean {
  return rule === 'file-time' && severity === 'note'
}
