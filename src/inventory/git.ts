import { parseGitConfig } from '../formats/git/git-config.ts'
import { parseGitIndex } from '../formats/git/git-index.ts'
import type { FileTree } from '../image/file-tree.ts'
import { bareUrl } from '../net/redact-url.ts'
import { gitDirectories, headCommit } from './git-refs.ts'
import { compareWorkTree, joinPath } from './git-work-tree.ts'
import type { InstalledPackage, Inventory, PackageManager } from './inventory.ts'
import { baseOf, Findings, keptFiles, parentOf } from './tree-paths.ts'

const INDEX_LIMIT = 64 * 1024 ** 2
const REFS_LIMIT = 16 * 1024 ** 2
const SIZE_LIMIT = 64 * 1024
const WANTED =
  /(?:^|\/)\.git(?:$|\/(?:[^/]+\/)*?(?:HEAD|config|config\.worktree|commondir|packed-refs|index|refs\/.+)$)/
const LOGS = /\/\.git\/(?:.*\/)?(?:logs|objects|hooks)\//

/**
 * Checkouts of git: a `.git` with a HEAD (gitrepository-layout), those of submodules and linked work trees too. Files
 * are those of the index; modified is what differs from it. Whether the index is that of the commit (`git add`) isn't
 * told: it would need the objects. The remote is origin's, or the only one's.
 */
export const git: PackageManager = {
  kind: 'git',
  wants: (path, size) => WANTED.test(path) && size <= limitOf(baseOf(path)) && !LOGS.test(`/${path}`),
  read(tree: FileTree): Inventory {
    const findings = new Findings(tree, 'git')
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
  const paths = keptFiles(tree).flatMap(({ path }) => {
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
  const version = headCommit(tree, directories)
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
  const index = bytes === undefined ? undefined : parseGitIndex(bytes, hash)
  if (index === undefined || index.problem !== undefined) {
    findings.problem(
      `${own}/index`,
      `whether the checkout is modified: ${index?.problem ?? 'there is no index'}`,
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
