import { createHash } from 'node:crypto'
import { parseGitConfig } from '../formats/git/git-config.ts'
import { type IndexEntry, parseGitIndex } from '../formats/git/git-index.ts'
import type { FileTree } from '../image/file-tree.ts'
import type { Inode } from '../image/layer-entry.ts'
import { bareUrl } from '../net/redact-url.ts'
import type { InstalledPackage, Inventory, PackageManager } from './inventory.ts'
import { baseOf, Findings, parentOf, resolvePath } from './tree-paths.ts'
import type { Work } from './work.ts'

const INDEX_LIMIT = 64 * 1024 ** 2
const REFS_LIMIT = 16 * 1024 ** 2
const SIZE_LIMIT = 64 * 1024
const WANTED =
  /(?:^|\/)\.git(?:$|\/(?:[^/]+\/)*?(?:HEAD|config|config\.worktree|commondir|packed-refs|index|refs\/.+)$)/
const LOGS = /\/\.git\/(?:.*\/)?(?:logs|objects|hooks)\//

/**
 * Checkouts of git: a `.git` with a HEAD (gitrepository-layout), those of submodules and linked work trees too. Files
 * are those of the index; modified is what differs from it. Whether the index is that of the commit (`git add`) is
 * not checked: it would need the objects. The remote is origin's, or the only one's.
 */
export const git: PackageManager = {
  kind: 'git',
  wants: (path, size) => WANTED.test(path) && size <= limitOf(baseOf(path)) && !LOGS.test(`/${path}`),
  read(tree: FileTree, work: Work): Inventory {
    const findings = new Findings(tree, 'git', work)
    for (const path of repositories(tree)) {
      const installed = readCheckout(findings, path)
      if (installed !== undefined) findings.inventory.packages.push(installed)
    }
    return findings.inventory
  },
}

function limitOf(name: string): number {
  if (name === 'index') return INDEX_LIMIT
  return name === 'packed-refs' ? REFS_LIMIT : SIZE_LIMIT
}

/** Paths of every `.git`, file or directory, in the order of the tree. */
function repositories(tree: FileTree): Set<string> {
  const paths = tree.keptFiles().flatMap(({ path }) => {
    if (baseOf(path) === '.git') return [path]
    return path.endsWith('.git/HEAD') && baseOf(parentOf(path)) === '.git' ? [parentOf(path)] : []
  })
  return new Set(paths)
}

/** Work trees of the checkouts in an image: their files need the digests that git gives them. */
export function workTrees(tree: FileTree): string[] {
  return [...repositories(tree)].map(parentOf)
}

function readCheckout(findings: Findings, path: string): InstalledPackage | undefined {
  const { tree } = findings
  const workTree = parentOf(path)
  const directories = gitDirectories(tree, path)
  if (directories === undefined) {
    findings.problem(path, 'it leads to no repository')
    return undefined
  }
  const { own, common } = directories
  const settings = parseGitConfig(findings.text(`${common}/config`) ?? '')
  const version = headCommit(findings, directories)
  if (version === undefined) {
    findings.problem(`${own}/HEAD`, 'it leads to no commit')
    return undefined
  }
  const installed: InstalledPackage = {
    kind: 'git',
    name: workTree === '' ? '/' : workTree,
    version,
    record: `${own}/HEAD`,
    environment: workTree,
    files: [],
  }
  const url = remoteUrl(settings)
  if (url !== undefined) installed.origin = { url: bareUrl(url), commit: version }
  if (settings.get('core.bare') === 'true') return installed
  const hash = settings.get('extensions.objectformat') === 'sha256' ? 'sha256' : 'sha1'
  const bytes = findings.bytes(`${own}/index`)
  const index =
    bytes === undefined
      ? undefined
      : parseGitIndex(bytes, hash, (path) => findings.work.takePaths(2, workTree.length + path.length))
  if (index === undefined || index.problem !== undefined) {
    findings.problem(
      `${own}/index`,
      `the checkout cannot be compared with its index: ${index?.problem ?? 'there is no index'}`,
    )
    return installed
  }
  const fileMode = settings.get('core.filemode') !== 'false'
  const { modified, unknown } = compareWorkTree(tree, workTree, index.entries, hash, fileMode)
  installed.modified = modified
  const count = unknown.length
  if (count > 0)
    findings.problem(unknown[0] ?? workTree, `no digest of ${count} files of the checkout was taken`)
  for (const { path: name, object, mode } of index.entries) {
    if (mode >> 12 === 0o16) continue
    const digest = mode >> 12 === 0o10 && hash === 'sha1'
    installed.files.push({
      path: joinPath(workTree, name),
      ...(digest ? { digest: { algorithm: 'git-blob', value: object } } : {}),
    })
  }
  return installed
}

function remoteUrl(settings: ReadonlyMap<string, string>): string | undefined {
  const remotes = [...settings].filter(([key]) => /^remote\..+\.url$/.test(key))
  return settings.get('remote.origin.url') ?? (remotes.length === 1 ? remotes[0]?.[1] : undefined)
}

/** A repository's own directories: of a linked work tree's the second is the main one's (gitrepository-layout). */
interface GitDirectories {
  own: string
  common: string
}

/** Of `.git`: the directory itself, or the one that the file names; undefined when it leads nowhere. */
function gitDirectories(tree: FileTree, path: string): GitDirectories | undefined {
  let own = path
  if (tree.find(path)?.inode.type === 'file') {
    const [, target] = /^gitdir: (.+?)\s*$/.exec(tree.read(path)?.toString('latin1') ?? '') ?? []
    if (target === undefined) return undefined
    own = resolvePath(path.slice(0, Math.max(0, path.lastIndexOf('/'))), target)
  }
  if (tree.find(`${own}/HEAD`) === undefined) return undefined
  const common = tree.read(`${own}/commondir`)?.toString('latin1').trim()
  return { own, common: common === undefined ? own : resolvePath(own, common) }
}

/** The commit of HEAD; undefined when its branch has none, or refs are kept in a way that isn't read (reftable). */
function headCommit(findings: Findings, { own, common }: GitDirectories): string | undefined {
  let name = 'HEAD'
  for (let links = 0; links < 5; links += 1) {
    const directory = /^refs\/(?!bisect\/|worktree\/|rewritten\/)/.test(name) ? common : own
    const text = readText(findings, `${directory}/${name}`)?.trim()
    if (text === undefined) return packedRef(findings, common, name)
    const [, next] = /^ref: (.+)$/.exec(text) ?? []
    if (next === undefined) return /^(?:[0-9a-f]{40}|[0-9a-f]{64})$/.test(text) ? text : undefined
    if (!next.startsWith('refs/') || next.split('/').includes('..')) return undefined
    name = next
  }
  return undefined
}

/** What is there, and no problem when it is not. */
function readText({ tree, work }: Findings, path: string): string | undefined {
  const content = tree.read(path)
  work.take(content?.length ?? 0)
  return content?.toString('latin1')
}

function packedRef(findings: Findings, common: string, name: string): string | undefined {
  for (const line of readText(findings, `${common}/packed-refs`)?.split('\n') ?? []) {
    const [, value, ref] = /^([0-9a-f]{40}|[0-9a-f]{64}) (.+)$/.exec(line) ?? []
    if (ref === name) return value
  }
  return undefined
}

/** What became of an index's paths in the work tree. */
interface WorkTree {
  modified: string[]
  /** Paths whose content was not hashed while the image was read. */
  unknown: string[]
}

/**
 * Compares each path of the index with the work tree as `git diff-files` does, by content and not by times. Contents
 * are taken as they are: no filter, no change of line ends.
 */
function compareWorkTree(
  tree: FileTree,
  workTree: string,
  entries: readonly IndexEntry[],
  hash: 'sha1' | 'sha256',
  fileMode: boolean,
): WorkTree {
  const result: WorkTree = { modified: [], unknown: [] }
  for (const entry of entries) {
    const path = joinPath(workTree, entry.path)
    // a link among the parents leads elsewhere: git counts the path as deleted
    const found = tree.findLink(path)
    const inode = found?.path === path ? found.inode : undefined
    const type = entry.mode >> 12
    // a submodule is a checkout of its own
    if (type === 0o16) continue
    if (inode === undefined) {
      if (!entry.skipWorktree) result.modified.push(path)
      continue
    }
    const expected = type === 0o12 ? 'symlink' : 'file'
    const isExecutable = (inode.mode & 0o100) !== 0
    const modeDiffers = expected === 'file' && fileMode && isExecutable !== ((entry.mode & 0o100) !== 0)
    if (entry.stage !== 0 || inode.type !== expected || modeDiffers) {
      result.modified.push(path)
      continue
    }
    const object = objectName(inode, hash)
    if (object === undefined) result.unknown.push(path)
    else if (object !== entry.object) result.modified.push(path)
  }
  result.modified = [...new Set(result.modified)]
  return result
}

const joinPath = (directory: string, path: string) => (directory === '' ? path : `${directory}/${path}`)

/** The name of a file's or a link's blob; undefined when nothing to take it of was kept. */
function objectName({ type, target, content, gitBlob }: Inode, hash: 'sha1' | 'sha256'): string | undefined {
  if (type === 'symlink') return blobName(Buffer.from(target, 'latin1'), hash)
  if (content !== undefined) return blobName(content, hash)
  return hash === 'sha1' ? gitBlob : undefined
}

function blobName(content: Buffer, hash: 'sha1' | 'sha256'): string {
  return createHash(hash).update(`blob ${content.length}\0`).update(content).digest('hex')
}
