import { createHash } from 'node:crypto'
import { gitOriginPath, renderGitOrigin } from '../dockerfile/git-origin.ts'
import { PYTHONS, sourceHash } from '../formats/python/byte-code.ts'
import { FileTree } from '../image/file-tree.ts'
import { type Member, ociFiles, pieces, sha256, tarOf } from '../image/image-archive.test-data.ts'
import { type Inode, PLAIN_DIRECTORY } from '../image/layer-entry.ts'
import { copyTree, type MutableNode } from '../image/mutable-tree.test-data.ts'
import { readImageTree } from '../image/read-archive.ts'
import { treeDigest } from '../image/tree-digest.ts'
import { md5WantedByInventory, readInventory, wantedByInventory } from '../inventory/read-inventory.ts'
import { recordedRecipe } from '../lock/recorded-recipe.ts'
import type { DebianPackage, LockedGit, LockedPlatform, Lockfile } from '../lock/schema.ts'
import { smallLock } from '../lock/small-lock.test-data.ts'
import type { GitStep } from '../recipe/schema.ts'
import { auditImage } from './audit-image.ts'
import type { AuditResult } from './audit-report.ts'
import type { ArtifactContents, ContentFile, ControlMember } from './expect/locked-contents.ts'
import { countLockedLayers, type ImageSubject, type LockSubject } from './subject.ts'
import { headWantedByAudit, wantedByAudit } from './wanted-by-audit.ts'

const SITE = 'usr/local/lib/python3.11/dist-packages'
const PYTHON = PYTHONS.find(({ tag }) => tag === 'cpython-311') as (typeof PYTHONS)[number]

const file = (name: string, content: string, mode = 0o644): Member => ({ name, content, mode })
const directory = (name: string, mode = 0o755): Member => ({ name, mode, type: 'directory' })
const link = (name: string, linkname: string): Member => ({ name, linkname, type: 'symlink' })
const bytes = (content: Buffer) => content as unknown as string

/** Debian packages of `smallLock`: what each one's .deb holds. */
const DEBS: Record<string, { files: Member[]; control?: Record<string, string> }> = {
  dpkg: {
    files: [
      directory('etc'),
      directory('etc/dpkg'),
      file('etc/dpkg/dpkg.cfg', 'no-debsig\n'),
      directory('usr'),
      directory('usr/bin'),
      file('usr/bin/dpkg', 'ELF dpkg', 0o755),
      file('usr/bin/passwd', 'ELF passwd', 0o4755),
      link('usr/bin/dpkg-link', 'dpkg'),
      directory('usr/lib'),
      file('usr/lib/os-release', 'ID=debian\nVERSION_ID="12"\nHOME_URL="https://www.example.org/"\n'),
      link('etc/os-release', '../usr/lib/os-release'),
      directory('usr/share'),
      directory('usr/share/base-passwd'),
      file(
        'usr/share/base-passwd/passwd.master',
        'root:*:0:0:root:/root:/bin/bash\ndaemon:*:1:1:daemon:/usr/sbin:/usr/sbin/nologin\n',
      ),
      file('usr/share/base-passwd/group.master', 'root:*:0:\ndaemon:*:1:\n'),
      directory('var'),
      directory('var/spool', 0o1777),
    ],
    control: { conffiles: '/etc/dpkg/dpkg.cfg\n', triggers: 'interest /usr/lib\n' },
  },
  adduser: {
    files: [
      directory('usr/sbin'),
      file('usr/sbin/adduser', '#!/usr/bin/perl\n', 0o755),
      file('usr/libexec/send', 'ELF send', 0o755),
      directory('usr/share/adduser'),
      file('usr/share/adduser/adduser.conf', 'DSHELL=/bin/bash\n'),
      file('usr/bin/vi', 'ELF vi', 0o755),
    ],
    control: {
      postinst:
        '#!/bin/sh\nadduser --system --group --home /nonexistent mailer\nadd-shell /usr/bin/vi\nupdate-alternatives --install /usr/bin/editor editor /usr/bin/vi 20\nchown root:mailer /usr/libexec/send\nchmod 2755 /usr/libexec/send\nmkdir -p /usr/local/share/mailer\nif [ -f /etc/mailers ]; then chown root:mailer /usr/local/share/mailer; fi\nchmod 2750 /var/spool/mailer\nchmod 750 /usr/bin/v*\n',
    },
  },
  python3: {
    files: [
      file('usr/bin/python3.11', 'ELF python', 0o755),
      link('usr/bin/python3', 'python3.11'),
      directory('usr/lib/python3.11'),
      file('usr/lib/python3.11/os.py', 'import sys\n'),
    ],
  },
}

/** Files of the wheel of six, with a program. */
const SIX = [
  file('six.py', 'PY3 = True\n'),
  file('six-1.16.0.dist-info/METADATA', 'Metadata-Version: 2.1\nName: six\nVersion: 1.16.0\n'),
  file('six-1.16.0.dist-info/entry_points.txt', '[console_scripts]\nsix-tool = six:main\n'),
]
const DOCOPT = 'def docopt(): pass\n'
const TOOL = [
  file('pyproject.toml', '[project]\nname = "tool"\n'),
  directory('tool'),
  file('tool/run', 'x', 0o755),
]
const MESH = [file('mesh/a.xml', '<mesh/>\n')]
const SOLVER = [file('main.py', 'print(1)\n'), link('latest', 'main.py')]

const hash = (digit: string) => digit.repeat(64)
const record = (files: readonly Member[]) =>
  files
    .map(({ name, content = '' }) => {
      const digest = Buffer.from(sha256(content), 'hex').toString('base64url')
      return `${name},sha256=${digest},${content.length}\n`
    })
    .join('')
const below = (prefix: string, members: readonly Member[]) =>
  members.map((member) => ({ ...member, name: `${prefix}/${member.name}` }))

function contentFile({ name, type = 'file', mode = 0o755, linkname, content = '' }: Member): ContentFile {
  const isFile = type === 'file'
  return {
    path: name,
    type: type as ContentFile['type'],
    size: isFile ? content.length : 0,
    sha256: isFile ? sha256(content) : '',
    mode,
    uid: 0,
    gid: 0,
    target: linkname ?? '',
    ...(name.endsWith('.py') ? { sourceHash: sourceHash(Buffer.from(content), PYTHON) } : {}),
  }
}

const contentsOf = (files: readonly Member[]): ArtifactContents => ({ files: files.map(contentFile) })

function controlTexts({ name, version, architecture }: DebianPackage): Record<string, string> {
  const control = `Package: ${name}\nVersion: ${version}\nArchitecture: ${architecture}\nDescription: a test\n of a package\n`
  const sums = (DEBS[name]?.files ?? []).filter(({ content }) => content !== undefined)
  const md5sums = sums.map((member) => `${'0'.repeat(32)}  ${member.name}\n`).join('')
  return { control, md5sums, ...DEBS[name]?.control }
}

function debContents(entry: DebianPackage): ArtifactContents {
  const control: Record<string, ControlMember> = {}
  for (const [member, text] of Object.entries(controlTexts(entry)))
    control[member] = { size: text.length, sha256: sha256(text), text }
  return { ...contentsOf(DEBS[entry.name]?.files ?? []), control }
}

/** What dpkg keeps of a package, as it is installed. */
function dpkgInfo(entry: DebianPackage): Member[] {
  const prefix = `var/lib/dpkg/info/${entry.name}`
  const { control, ...members } = controlTexts(entry)
  const list = ['/.', ...(DEBS[entry.name]?.files ?? []).map(({ name }) => `/${name}`), ''].join('\n')
  return [
    file(`${prefix}.list`, list),
    ...Object.entries(members).map(([name, text]) =>
      file(`${prefix}.${name}`, text, name === 'postinst' ? 0o755 : 0o644),
    ),
  ]
}

/** md5 of `/etc/dpkg/dpkg.cfg`. */
const CONFFILE = createHash('md5').update('no-debsig\n').digest('hex')

function dpkgStatus(entries: readonly DebianPackage[]): Member {
  const stanzas = entries.map((entry) => {
    const { control = '', conffiles } = controlTexts(entry)
    const noted = conffiles === undefined ? '' : `Conffiles:\n ${conffiles.trim()} ${CONFFILE}\n`
    return control.replace('\n', '\nStatus: install ok installed\n') + noted
  })
  return file('var/lib/dpkg/status', stanzas.join('\n'))
}

/** What the packages' scripts and the base's own steps make. */
const GENERATED: Member[] = [
  file(
    'etc/passwd',
    'root:x:0:0:root:/root:/bin/bash\ndaemon:x:1:1:daemon:/usr/sbin:/usr/sbin/nologin\nmailer:x:100:101::/nonexistent:/usr/sbin/nologin\n',
  ),
  file('etc/group', 'root:x:0:\ndaemon:x:1:\nmailer:x:101:\n'),
  file('etc/shadow', 'root:*:19000:0:99999:7:::\ndaemon:*:19000:0:99999:7:::\nmailer:!:19000::::::\n', 0o640),
  file('etc/gshadow', 'root:*::\ndaemon:*::\nmailer:!::\n', 0o640),
  file('etc/adduser.conf', 'DSHELL=/bin/bash\n'),
  file('etc/machine-id', ''),
  file('etc/shells', '# shells\n/usr/bin/vi\n'),
  file('etc/timezone', 'Etc/UTC\n'),
  file(
    'etc/apt/sources.list',
    'deb [check-valid-until=no] http://snapshot.example.org/archive/debian/20231115T000000Z bookworm main\n',
  ),
  file('var/lib/dpkg/arch', 'amd64\n'),
  file('var/lib/dpkg/diversions', ''),
  file('var/lib/dpkg/available', ''),
  file('var/lib/dpkg/lock', '', 0o640),
  file('var/lib/dpkg/lock-frontend', '', 0o640),
  file('var/lib/dpkg/info/format', '1\n'),
  file('var/lib/dpkg/triggers/Lock', '', 0o600),
  file('var/lib/dpkg/triggers/Unincorp', ''),
  file('var/lib/dpkg/triggers/File', '/usr/lib dpkg\n'),
  file('var/lib/dpkg/alternatives/editor', 'auto\n/usr/bin/editor\n\n/usr/bin/vi\n20\n\n'),
  link('usr/bin/editor', '/etc/alternatives/editor'),
  link('etc/alternatives/editor', '/usr/bin/vi'),
  file('var/cache/debconf/config.dat', ''),
  directory('usr/local/share/mailer'),
]

/** Byte code of a source, with its hash in it (PEP 552). */
export function byteCode(source: string, { magic = PYTHON.magic, flags = 1 } = {}): Buffer {
  const header = Buffer.alloc(8)
  header.writeUInt32LE(magic)
  header.writeUInt32LE(flags, 4)
  const rest = Buffer.from(sourceHash(Buffer.from(source), PYTHON), 'hex')
  return Buffer.concat([header, rest, Buffer.from('code')])
}

const SCRIPT = `#!/usr/bin/python3
# -*- coding: utf-8 -*-
import re
import sys
from six import main
if __name__ == '__main__':
    sys.argv[0] = re.sub(r'(-script\\.pyw|\\.exe)?$', '', sys.argv[0])
    sys.exit(main())
`

function pipLayer(): Member[] {
  const info = 'docopt-0.6.2.dist-info'
  const metadata = (name: string, version: string) =>
    `Metadata-Version: 2.1\nName: ${name}\nVersion: ${version}\n`
  const docopt = [file('docopt.py', DOCOPT), file(`${info}/METADATA`, metadata('docopt', '0.6.2'))]
  const tool = [file('tool-1.0.dist-info/METADATA', metadata('tool', '1.0'))]
  const own = '../../../bin/six-tool'
  const script = record([file(own, SCRIPT)])
  const installer = file('six-1.16.0.dist-info/INSTALLER', 'pip\n')
  return [
    ...below(SITE, [
      ...SIX,
      installer,
      file(
        'six-1.16.0.dist-info/RECORD',
        `${script}${record([...SIX, installer])}six-1.16.0.dist-info/RECORD,,\n`,
      ),
      ...docopt,
      file(`${info}/RECORD`, `${record(docopt)}${info}/RECORD,,\n`),
      ...tool,
      file('tool-1.0.dist-info/RECORD', `${record(tool)}tool-1.0.dist-info/RECORD,,\n`),
    ]),
    file('usr/local/bin/six-tool', SCRIPT, 0o755),
    { name: `${SITE}/__pycache__/six.cpython-311.pyc`, content: bytes(byteCode('PY3 = True\n')) },
  ]
}

/** An image with the lock that describes it. */
export interface SmallImage {
  image: ImageSubject
  lock: LockSubject
  /** Paths that the lock pins in content, mode and owner: of packages, projects, git trees. */
  pinned: string[]
}

/** The image that `smallLock` describes, in layers as a build makes them: a base, and one a step. */
export async function smallImage(): Promise<SmallImage> {
  const lockfile = structuredClone(smallLock) as Lockfile
  const recipe = recordedRecipe(lockfile)
  const locked = lockfile.platforms['linux/amd64'] as LockedPlatform
  const [apt, , git] = locked.steps
  if (locked.base.kind !== 'debian' || apt?.kind !== 'apt' || git?.kind !== 'git')
    throw new Error('not small')
  const base = locked.base.packages
  const debs = [...base, ...apt.packages]
  for (const entry of debs) entry.sha256 = sha256(entry.name)
  const [dpkg, adduser, python3] = debs as [DebianPackage, DebianPackage, DebianPackage]
  const artifacts = new Map<string, ArtifactContents>(debs.map((entry) => [entry.sha256, debContents(entry)]))
  artifacts.set(hash('b'), {
    ...contentsOf(SIX),
    record: record(SIX),
    entryPoints: '[console_scripts]\nsix-tool = six:main\n',
  })
  artifacts.set(hash('c'), contentsOf([file('docopt-0.6.2/docopt.py', DOCOPT)]))
  artifacts.set(hash('8'), contentsOf(TOOL))
  artifacts.set(hash('9'), contentsOf(MESH))
  const trees = new Map([['2'.repeat(40), contentsOf(SOLVER)]])
  const origin = renderGitOrigin(recipe.steps[2] as GitStep, git as LockedGit)
  const deb = (entry: DebianPackage) => [...(DEBS[entry.name]?.files ?? []), ...dpkgInfo(entry)]
  const project = [...below('opt/tool', TOOL), file(gitOriginPath('git-3'), origin)]
  const layers: Member[][] = [
    [...deb(dpkg), ...deb(adduser), dpkgStatus(base), ...GENERATED],
    [...deb(python3), dpkgStatus(debs)],
    pipLayer(),
    project,
    below('opt/mesh', MESH),
    below('opt/solver', SOLVER),
    [file('opt/result.txt', '42\n')],
  ]
  const image = await readSubject(await Promise.all(layers.map(tarOf)))
  locked.image = {
    id: image.id,
    tree: treeDigest(image.tree.root),
    size: image.layers.reduce((sum, { size }) => sum + size, 0),
    diffIDs: image.layers.map(({ diffID }) => diffID),
  }
  const contents = { artifacts, trees, images: new Map(), missing: [] }
  const lock: LockSubject = {
    lockfile,
    path: 'lock.json',
    platform: 'linux/amd64',
    locked,
    recipe,
    contents,
    layers: 0,
  }
  const pinned = [...debs.flatMap(deb), ...project, ...below(SITE, SIX), ...below('opt/solver', SOLVER)]
  return { image, lock: lockOf(lock, image), pinned: pinned.map(({ name }) => name) }
}

async function readSubject(layers: readonly Buffer[]): Promise<ImageSubject> {
  const archive = await tarOf(ociFiles(layers))
  const read = await readImageTree(pieces(archive), {
    keep: (path, size) => wantedByAudit(path, size) || wantedByInventory(path, size),
    head: headWantedByAudit,
    md5: md5WantedByInventory,
  })
  const settings = {
    Env: ['PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin', 'LANG=C.UTF-8'],
    Cmd: ['python3'],
  }
  const tree = new FileTree(read.root)
  const config = { ...read.config, config: settings }
  const { id, layers: summary } = read
  return {
    reference: 'small',
    id,
    config,
    layers: summary,
    tree,
    covered: read.covered,
    inventory: await readInventory(tree),
  }
}

const lockOf = (lock: LockSubject, image: ImageSubject): LockSubject => ({
  ...lock,
  layers: countLockedLayers(image.layers, lock.locked),
})

/** What a layer on top does to one path: attributes that change, or nothing where it deletes the path. */
export type Change = Partial<Omit<Inode, 'content'>> & { content?: Buffer | string }

/** An image with one more layer, which changes these paths. */
export async function withLayer(
  { image, lock, pinned }: SmallImage,
  changes: Readonly<Record<string, Change | undefined>>,
): Promise<SmallImage> {
  const root = copyTree(image.tree.root)
  for (const [path, change] of Object.entries(changes)) apply(root, path, change, image.layers.length)
  const tree = new FileTree(root)
  const layers = [...image.layers, { diffID: `sha256:${hash('0')}`, size: 1024 }]
  const changed = { ...image, layers, tree, inventory: await readInventory(tree) }
  return { image: changed, lock: lockOf(lock, changed), pinned }
}

/** The image and its lock, had a step left these paths so: its layer has them, and the locked tree as well. */
export async function withStep(
  { image, lock, pinned }: SmallImage,
  layer: number,
  changes: Readonly<Record<string, Change | undefined>>,
): Promise<SmallImage> {
  const root = copyTree(image.tree.root)
  for (const [path, change] of Object.entries(changes)) apply(root, path, change, layer)
  const tree = new FileTree(root)
  const locked = lock.locked.image ?? undefined
  if (locked === undefined) throw new Error('not built')
  const recorded = { ...lock.locked, image: { ...locked, tree: treeDigest(root) } }
  return {
    image: { ...image, tree, inventory: await readInventory(tree) },
    lock: { ...lock, locked: recorded },
    pinned,
  }
}

function apply(root: MutableNode, path: string, change: Change | undefined, layer: number): void {
  const names = path.split('/')
  const last = names.pop() as string
  let node = root
  for (const name of names) {
    let next = node.children?.get(name)
    if (next === undefined) {
      if (change === undefined) return
      next = { inode: { ...root.inode, layer }, children: new Map() }
      node.children?.set(name, next)
    }
    node = next
  }
  if (change === undefined) {
    node.children?.delete(last)
    return
  }
  const before = node.children?.get(last)
  const inode = changedInode(before?.inode, change, layer)
  const children = inode.type === 'directory' ? (before?.children ?? new Map()) : undefined
  node.children?.set(last, { inode, children })
}

function changedInode(before: Inode | undefined, { content, ...change }: Change, layer: number): Inode {
  const fresh: Inode = { ...PLAIN_DIRECTORY, type: 'file', mode: 0o644, sha256: sha256('') }
  const inode: Inode = { ...(before ?? fresh), ...change, layer }
  if (inode.type !== 'file') return { ...inode, sha256: '', size: 0 }
  if (content === undefined && before?.type === 'file') return inode
  const written = Buffer.from(content ?? '')
  return {
    ...inode,
    content: written,
    head: written.subarray(0, 16),
    size: written.length,
    sha256: sha256(written),
  }
}

/** An audit of a small image, with its lock or without one. */
export async function audit({ image, lock }: SmallImage, hasLock = true): Promise<AuditResult> {
  return auditImage(image, hasLock ? lock : undefined, { ignore: [], today: '2030-01-01' })
}

/** Findings of an audit as `rule subject`, without those that name layer, tree and ID: any change makes these. */
export async function findingsOf(small: SmallImage, hasLock = true): Promise<string[]> {
  const { findings } = await audit(small, hasLock)
  return findings
    .filter(({ rule }) => !['image-id', 'tree-digest', 'layer-digest', 'layer-extra'].includes(rule))
    .map(({ rule, subject }) => `${rule} ${subject}`)
}
