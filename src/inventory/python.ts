import { z } from 'zod'
import { parseControl } from '../formats/deb/deb822.ts'
import { normalizeName } from '../formats/python/distribution-name.ts'
import type { FileTree } from '../image/file-tree.ts'
import { bareUrl } from '../net/redact-url.ts'
import type { InstalledPackage, Inventory, OwnedFile, PackageManager } from './inventory.ts'
import { readRecord } from './python-record.ts'
import { baseOf, Findings, parentOf, resolvePath } from './tree-paths.ts'
import type { Work } from './work.ts'

const SIZE_LIMIT = 32 * 1024 ** 2
const WANTED =
  /(?:^|\/)(?:[^/]+\.dist-info\/(?:METADATA|RECORD|direct_url\.json)|[^/]+\.egg-info(?:\/(?:PKG-INFO|installed-files\.txt))?|[^/]+\.egg\/EGG-INFO\/PKG-INFO|(?:site|dist)-packages\/[^/]+\.(?:pth|egg-link))$/
const SITE = /(?:^|\/)(?:site|dist)-packages$/
/** Copies of packages that others carry within them: no Python imports them by their own name. */
const VENDORED = /(?:^|\/)_vendor(?:ed)?(?:\/|$)/

/**
 * Python packages as `importlib.metadata` finds them: `*.dist-info` in any directory (PyPA "Recording installed
 * projects"), setuptools' `*.egg-info`, `*.egg` and `*.egg-link` in every `site-packages` and `dist-packages`, and what
 * their `*.pth` files lead to. Virtual environments are among them.
 */
export const python: PackageManager = {
  kind: 'pypi',
  wants: (path, size) => isLikely(path) && size <= SIZE_LIMIT && WANTED.test(path),
  read(tree: FileTree, work: Work): Inventory {
    const findings = new Findings(tree, 'pypi', work)
    const seen = new Set<string>()
    for (const { directory, environment } of searchPath(findings)) {
      const names = tree.list(directory)
      work.takePaths(names.length, directory.length)
      for (const name of names) {
        // what a failed uninstallation of pip left
        if (name.startsWith('~')) continue
        const path = tree.find(`${directory}/${name}`)?.path
        const installed = path && readDistribution(findings, path, environment, directory)
        if (!installed || seen.has(`${environment}\0${installed.record}`)) continue
        seen.add(`${environment}\0${installed.record}`)
        findings.inventory.packages.push(installed)
      }
    }
    return findings.inventory
  },
}

/** Whether {@link WANTED} may match: asked of every file of an image, and quicker. */
const isLikely = (path: string) =>
  path.includes('.dist-info/') || path.includes('.egg') || path.endsWith('.pth')

interface SearchPlace {
  /** Where metadata is looked for. */
  directory: string
  /** The site that led there: itself, or the one with a `*.pth`. */
  environment: string
}

/** Directories of which a Python of the image may have packages. */
function searchPath({ tree, work }: Findings): SearchPlace[] {
  const places = new Map<string, SearchPlace>()
  const add = (directory: string, environment: string) => {
    work.takePaths(1, directory.length + environment.length)
    const found = tree.find(directory)
    if (found?.inode.type === 'directory' && !VENDORED.test(found.path))
      places.set(`${found.path}\0${environment}`, { directory: found.path, environment })
  }
  for (const { path, inode } of tree.keptFiles()) {
    const parent = parentOf(path)
    const grandparent = parentOf(parent)
    if (SITE.test(parent)) add(parent, parent)
    if (parent.endsWith('.dist-info') || SITE.test(grandparent)) add(grandparent, grandparent)
    if (!SITE.test(parent) || !/\.(?:pth|egg-link)$/.test(path)) continue
    work.take(inode.content?.length ?? 0)
    for (const line of inode.content?.toString('latin1').split(/\r?\n/).slice(0, 1000) ?? []) {
      if (line.trim() === '' || /^(?:#|import[ \t])/.test(line)) continue
      add(resolvePath(parent, line.trim()), parent)
    }
  }
  return [...places.values()]
}

/** The distribution that a name of a searched directory stands for, if it does. */
function readDistribution(
  findings: Findings,
  path: string,
  environment: string,
  directory: string,
): InstalledPackage | undefined {
  if (path.endsWith('.dist-info')) return readDistInfo(findings, path, environment)
  const isSite = SITE.test(directory) || directory !== environment
  if (!isSite) return undefined
  if (path.endsWith('.egg-info')) {
    const isFile = findings.tree.find(path)?.inode.type === 'file'
    const installed = readMetadata(findings, isFile ? path : `${path}/PKG-INFO`, environment)
    if (installed === undefined) return undefined
    if (!isFile) installed.files = installedFiles(findings, path)
    if (directory !== environment) installed.origin = { url: `file:///${directory}`, editable: true }
    return installed
  }
  if (baseOf(path) === 'EGG-INFO' || path.endsWith('.egg')) return readEgg(findings, path, environment)
  return undefined
}

function readDistInfo(findings: Findings, path: string, environment: string): InstalledPackage | undefined {
  const installed = readMetadata(findings, `${path}/METADATA`, environment)
  if (installed === undefined) return undefined
  const text = findings.text(`${path}/RECORD`)
  if (text !== undefined) {
    findings.work.takeLines(text, parentOf(path))
    const { files, unknown } = readRecord(text, parentOf(path))
    installed.files = files
    if (unknown > 0) findings.problem(`${path}/RECORD`, `${unknown} lines are not a path, a hash and a size`)
  }
  const origin = readOrigin(findings, `${path}/direct_url.json`)
  if (origin !== undefined) installed.origin = origin
  return installed
}

/** An egg: a directory, or a zip, whose name alone then says what it is (setuptools, "The Internal Structure of Eggs"). */
function readEgg(findings: Findings, path: string, environment: string): InstalledPackage | undefined {
  if (findings.tree.find(path)?.inode.type === 'directory') {
    const info = path.endsWith('.egg') ? `${path}/EGG-INFO` : path
    return readMetadata(findings, `${info}/PKG-INFO`, environment)
  }
  const [, name, version] = /^([\w.]+)-([\w.!+]+)(?:-py.*)?\.egg$/.exec(baseOf(path)) ?? []
  if (name === undefined || version === undefined) return undefined
  const files = [{ path }]
  return { kind: 'pypi', name: normalizeName(name), version, record: path, environment, files }
}

/** Name and version of core metadata; a problem when they are missing. */
function readMetadata(findings: Findings, path: string, environment: string): InstalledPackage | undefined {
  const text = findings.text(path)
  const [fields] = parseControl(text?.slice(0, HEADERS_LIMIT) ?? '', { fields: FIELDS, dialect: 'dpkg' })
  const name = fields?.get('name') ?? ''
  const version = fields?.get('version') ?? ''
  if (!/^[a-z0-9](?:[\w.-]*[a-z0-9])?$/i.test(name) || !/^\S+$/.test(version)) {
    if (text !== undefined || findings.tree.find(path) === undefined)
      findings.problem(path, 'it does not give name and version of a Python package')
    return undefined
  }
  const license = (fields?.get('license-expression') ?? fields?.get('license'))?.trim()
  const isShort = license !== undefined && license !== '' && license !== 'UNKNOWN' && !license.includes('\n')
  const record = findings.tree.find(path)?.path ?? path
  const normal = normalizeName(name)
  return {
    kind: 'pypi',
    name: normal,
    version,
    record,
    environment,
    files: [],
    ...(isShort ? { license } : {}),
  }
}

/** Of core metadata (PyPA "Core metadata specifications"), where the first of a repeated field counts. */
const FIELDS = new Set(['name', 'version', 'license', 'license-expression'])

/** Headers come before the description. */
const HEADERS_LIMIT = 1024 * 1024

/** Paths that setuptools' `install --record` wrote, relative to the egg-info itself. */
function installedFiles(findings: Findings, path: string): OwnedFile[] {
  const text = findings.text(`${path}/installed-files.txt`) ?? ''
  findings.work.takeLines(text, path)
  const lines = text.split(/\r?\n/)
  return lines.filter((line) => line !== '').map((line) => ({ path: resolvePath(path, line) }))
}

const DirectUrl = z.object({
  url: z.string(),
  dir_info: z.object({ editable: z.boolean().optional() }).optional(),
  vcs_info: z.object({ commit_id: z.string() }).optional(),
})

/** Where a `direct_url.json` says that a package is from (PEP 610); credentials are left out. */
function readOrigin(findings: Findings, path: string): InstalledPackage['origin'] {
  const json = findings.json(path)
  if (json === undefined) return undefined
  const parsed = DirectUrl.safeParse(json)
  if (!parsed.success) {
    findings.problem(path, 'it is not a direct_url.json as PEP 610 describes it')
    return undefined
  }
  const { url, dir_info: directory, vcs_info: vcs } = parsed.data
  return {
    url: bareUrl(url),
    ...(vcs === undefined ? {} : { commit: vcs.commit_id }),
    ...(directory?.editable === true ? { editable: true } : {}),
  }
}
