import { otherRecipes } from '../lock/other-recipes.ts'
import type {
  BuildFile,
  LocalPackage,
  LockedApt,
  LockedGit,
  LockedPip,
  LockedPlatform,
  PythonFile,
} from '../lock/schema.ts'
import { parseAptRequest } from '../recipe/apt-request.ts'
import type { AptStep, Recipe } from '../recipe/schema.ts'
import { datedUrls } from '../resolve/debian/archive-urls.ts'
import type { Origin } from '../store/artifact.ts'
import { ownArtifacts, placeOf } from './context-artifacts.ts'
import { renderGitOrigin } from './git-origin.ts'
import { type BasedRecipe, onBase } from './image-base.ts'
import { ownIndexes } from './own-indexes.ts'
import { type OwnedDirectory, ownedDirectories, placedDirectories } from './owned-directories.ts'
import { isSdist, lastLayer, wheelLayers } from './pip-stages.ts'
import { needsAccount, renderDockerfile } from './render-dockerfile.ts'
import { renderReadme } from './render-readme.ts'
import { snapshotTimestamp } from './snapshot-timestamp.ts'
import { stepName } from './step-name.ts'

/** Files of a build context by their path, which has no `..`; every content is text. */
export type ContextFiles = Map<string, string>
type Companions = Readonly<Record<string, string>>

/**
 * Every file of `generated/NAME`. `companions` are stillroom's own shell programs by file name; they go along
 * unchanged so that the context needs no stillroom. `others` are those of each recipe that files are taken from.
 */
export function renderContext(
  name: string,
  written: Recipe,
  locked: LockedPlatform,
  companions: Companions,
  others: Readonly<Record<string, Companions>> = {},
): ContextFiles {
  const sources = otherRecipes(locked)
  const files = scopedFiles(written, locked, companions)
  files.set('Dockerfile', renderDockerfile(name, written, locked))
  files.set('README.md', renderReadme(name, written, locked))
  const shown = sources.length > 0 ? '!recipes\n' : ''
  files.set('.dockerignore', `*\n!account\n!artifacts\n!base\n!build\n${shown}!steps\n`)
  files.set('artifacts.tsv', artifactTable(locked))
  for (const other of sources)
    for (const [path, text] of scopedFiles(other.recipe, other.locked, others[other.name] ?? {}))
      if (path !== FETCH) files.set(placeOf(other.name, path), text)
  return new Map([...files].sort(([a], [b]) => (a < b ? -1 : 1)))
}

const FETCH = 'fetch.sh'

/** What the stages of one recipe take from its part of a context, besides artifacts. */
function scopedFiles(written: Recipe, locked: LockedPlatform, companions: Companions): ContextFiles {
  const recipe = onBase(written, locked.base)
  const files: ContextFiles = new Map()
  for (const [file, text] of Object.entries(companions))
    files.set(file === FETCH ? file : `build/${file}`, text)
  files.set(
    'base/sources.txt',
    lines(
      ownIndexes(locked.base).map(
        (index) => `${index.archive} ${snapshotTimestamp(index)} ${index.suite} ${index.component}`,
      ),
    ),
  )
  if (needsAccount(recipe)) addAccount(files, recipe, locked.epoch)
  for (const [index, step] of recipe.steps.entries()) {
    const directory = `steps/${stepName(index, step.kind)}`
    const pin = locked.steps[index]
    if (step.kind === 'apt') addApt(files, directory, step, pin as LockedApt)
    if (step.kind === 'pip') addPip(files, directory, pin as LockedPip)
    if (step.kind === 'git') files.set(`${directory}/origin.json`, renderGitOrigin(step, pin as LockedGit))
    if (step.kind === 'project' || step.kind === 'git' || step.kind === 'file' || step.kind === 'copy') {
      files.set(`${directory}/directories.txt`, directoryList(placedDirectories(recipe, step)))
    }
    if ((step.kind === 'apt' || step.kind === 'pip') && step.after !== undefined)
      files.set(`${directory}/after.sh`, step.after)
    if (step.kind === 'run' && typeof step.command === 'string')
      files.set(`${directory}/script.sh`, step.command)
  }
  return files
}

function addAccount(files: ContextFiles, recipe: BasedRecipe, epoch: number): void {
  const { user } = recipe
  if (user) {
    files.set('account/passwd', `${user.name}:x:${user.uid}:${user.uid}::${user.home}:${user.shell}\n`)
    files.set('account/group', `${user.name}:x:${user.uid}:\n`)
    files.set('account/shadow', `${user.name}:!:${Math.floor(epoch / 86_400)}:0:99999:7:::\n`)
    files.set('account/gshadow', `${user.name}:!::\n`)
  }
  files.set('account/directories.txt', directoryList(ownedDirectories(recipe)))
}

function directoryList(directories: OwnedDirectory[]): string {
  return lines(directories.map(({ owner, path }) => `${owner} ${path}`))
}

function addApt(files: ContextFiles, directory: string, step: AptStep, pin: LockedApt): void {
  const requested = new Set(step.packages.map((word) => parseAptRequest(word).name))
  const dependencies = pin.packages.map((entry) => entry.name).filter((name) => !requested.has(name))
  files.set(`${directory}/order.txt`, lines(pin.order))
  files.set(`${directory}/requested.txt`, lines([...requested].sort()))
  files.set(`${directory}/dependencies.txt`, lines(dependencies))
  files.set(
    `${directory}/packages.tsv`,
    lines(pin.packages.map((entry) => `${entry.name}\t${entry.version}\t${entry.architecture}`)),
  )
}

function addPip(files: ContextFiles, directory: string, pin: LockedPip): void {
  const last = lastLayer(pin)
  const copied = pin.local.filter(({ editable }) => !editable)
  const built = [...last.filter(isSdist), ...copied].map(({ name, version }) => `${name}==${version}`)
  addWheels(files, directory, last)
  if (built.length > 0) files.set(`${directory}/built.txt`, lines(built))
  files.set(`${directory}/packages.tsv`, packageList([...pin.files, ...pin.local]))
  for (const wheels of wheelLayers('', pin)) {
    const below = `${directory}/${wheels.directory}`
    addWheels(files, below, wheels.files)
    files.set(`${below}/packages.tsv`, packageList(wheels.files))
  }
  if (pin.local.length > 0) files.set(`${directory}/local.txt`, lines(pin.local.map(localLine)))
  for (const [name, build] of Object.entries(pin.build)) {
    if (build.length > 0) files.set(`${directory}/build-${name}.txt`, lines(build.map(requirement)))
  }
}

/** What pip is to install, and what PEP 610 has of that. */
function addWheels(files: ContextFiles, directory: string, entries: readonly PythonFile[]): void {
  const wheels = entries.filter((file) => !isSdist(file))
  files.set(`${directory}/requirements.txt`, lines(wheels.map(requirement)))
  const direct = entries.filter(({ url }) => url !== undefined)
  if (direct.length === 0) return
  const rows = direct.map(({ name, url, sha256 }) => `${name}\t${url}\t${sha256}`)
  files.set(`${directory}/direct.tsv`, lines(rows))
}

const requirement = ({ name, version, sha256 }: BuildFile) => `${name}==${version} --hash=sha256:${sha256}`

const packageList = (entries: readonly { name: string; version: string }[]) =>
  lines(entries.map(({ name, version }) => `${name}\t${version}`))

/** PEP 503. */
const pageUrl = (index: string, name: string) => `${index.replace(/\/+$/, '')}/${name}/`

/** A path may hold any white space but a line break. */
function localLine({ editable, name, path }: LocalPackage): string {
  return `${editable ? 'editable' : 'copy'} ${name} ${path}`
}

const TABLE_HEAD = '# sha256\tsize\tkind\tsource\tpath\tdestination'

/**
 * What `fetch.sh` reads, a row a line, separated by tabs; `-` where a kind has no such column. The path is one in the
 * source: below a Debian archive's root, a file's name in a Python project's page, the tree of a commit, the commit
 * of a repository, other addresses of a download, or for a seed the .deb whose files it holds. A directory is one that may stay empty.
 */
function artifactTable(locked: LockedPlatform): string {
  const others = otherRecipes(locked).map((other) => artifactRows(other.locked, other.name))
  const all = [artifactRows(locked), ...others]
  const rows = (['files', 'seeds', 'trees', 'empty'] as const).flatMap((kind) =>
    all.flatMap((one) => one[kind]),
  )
  return lines([TABLE_HEAD, ...rows.map((row) => row.join('\t'))])
}

function artifactRows(locked: LockedPlatform, recipe?: string) {
  const place = (path: string) => placeOf(recipe, path)
  const { files, seed, projects, directories } = ownArtifacts(locked)
  // what plain git cannot put together
  const inParts = new Set(
    locked.steps.flatMap((step) =>
      step.kind === 'git' && step.submodules.length + step.lfs.length > 0 ? [step.sha256] : [],
    ),
  )
  return {
    files: files.map(({ artifact, destination }) => {
      const origin = byAddress(artifact.origin, locked) ?? artifact.origin
      const kind = inParts.has(artifact.sha256) ? 'git-parts' : origin.kind
      return [artifact.sha256, artifact.size, kind, ...originColumns(origin), place(destination)]
    }),
    seeds: seed.map(({ artifact, destination }) => [
      ...['-', '-', 'seed', '-'],
      place(`artifacts/base/${artifact.file}`),
      place(destination),
    ]),
    trees: projects.map(({ tree, commit, destination }) => [
      ...['-', '-', 'project'],
      commit,
      tree,
      place(destination),
    ]),
    empty: directories.map((destination) => ['-', '-', 'directory', '-', '-', place(destination)]),
  }
}

function originColumns(origin: Origin | Download): [source: string, path: string] {
  switch (origin.kind) {
    case 'debian':
      return [origin.archive, origin.path]
    case 'pypi':
      // with an index of its own, by the address of its page
      return [origin.index === undefined ? origin.name : pageUrl(origin.index, origin.name), origin.file]
    case 'registry':
      return [origin.reference, origin.digest]
    case 'git':
      return [origin.url, origin.commit]
    case 'url':
      return [origin.url, ('states' in origin && origin.states.join(' ')) || '-']
  }
}

/** A package of an archive that the recipe names by its address lies there, and where the archive keeps its earlier states. */
function byAddress(origin: Origin, { base }: LockedPlatform): Download | undefined {
  if (origin.kind !== 'debian') return undefined
  const index = base.indexes.find(({ archive, url }) => archive === origin.archive && url !== undefined)
  if (index?.url === undefined) return undefined
  const path = origin.path.split('/').map(encodeURIComponent).join('/')
  const at = (root: string) => `${root.replace(/\/+$/, '')}/${path}`
  const states =
    index.snapshot === undefined ? [] : datedUrls(index.snapshot, new Date(index.date)).slice(0, 2)
  return { kind: 'url', url: at(index.url), states: states.map(at) }
}

/** A file by its address, and others where it may be as well. */
type Download = Extract<Origin, { kind: 'url' }> & { states: string[] }

function lines(entries: readonly string[]): string {
  return entries.map((entry) => `${entry}\n`).join('')
}
