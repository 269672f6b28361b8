import { readConfig } from '../../audit/compare/compare-config.ts'
import { packageId } from '../../audit/expect/locked-packages.ts'
import { showPath } from '../../audit/finding.ts'
import { findSecret, givesSecret, isSecretName, setsSecret } from '../../audit/secrets.ts'
import type { ImageConfig } from '../../formats/oci.ts'
import type { FileTree } from '../../image/file-tree.ts'
import type { InstalledPackage, Inventory } from '../../inventory/inventory.ts'
import { Component, gitUrl, type Recipe, Suite, User } from '../../recipe/schema.ts'
import { isBelow } from '../copied-files.ts'
import type { DraftEntry, RecipeDraft, StepDraft } from '../draft/recipe-draft.ts'
import { settleDraft } from '../draft/settle-draft.ts'
import { writeRecipe } from '../draft/write-recipe.ts'
import { debRequests, readInstalledDebs } from './deb-requests.ts'
import type { ImageNote } from './image-note.ts'
import { leftoverAt } from './leftovers.ts'
import { pythonSteps } from './python-steps.ts'

export interface ImageToDraft {
  /** As it is named to the user. */
  reference: string
  config: ImageConfig
  tree: FileTree
  inventory: Inventory
}

export interface DraftImageOptions {
  base: RecipeDraft['base']
  /** What a base from a registry brings: names of its packages of Debian, ids of all of them, and its settings. */
  below?: { debs: ReadonlySet<string>; packages: ReadonlySet<string>; config: ImageConfig } | undefined
  /** Clones and directories of Python packages that cannot be locked, by their paths, with the reason: they are carried. */
  refused?: ReadonlyMap<string, string>
  /** Packages that no archive has: apt is not asked for them. */
  unknown?: ReadonlySet<string>
  /** Python packages that no index has, and those of which one has the source alone. */
  unknownPython?: ReadonlySet<string>
  sources?: ReadonlySet<string>
  otherBuilders?: boolean
  /** Whether files are carried beside the recipe. */
  carries: boolean
}

export interface DraftedImage {
  /** The text of recipe.ts. */
  source: string
  recipe: Recipe
  notes: ImageNote[]
  /** Work trees of clones, pinned or not: their histories stay behind. */
  clones: string[]
  /** Text of more files beside the recipe, by path. */
  files: Map<string, string>
  /** Where in the image each step comes from: as in `refused`, or empty. */
  places: string[]
}

/** Where the archive of carried files is while an image is built; it is taken away again. */
const PLACE = '/opt/stillroom-files'
const NOWHERE = { line: 0, column: 0 }

/**
 * Puts carried files where they belong, as they are. Its text holds nothing of the image: names are in the files beside the
 * recipe.
 */
export const UNPACK = `cd /
files=${PLACE}
while IFS= read -r from && IFS= read -r path; do
  mkdir -p -- "$(dirname -- "/$path")"
  cp -- "/$from" "/$path"
done < $files/copied.txt
while IFS= read -r path; do
  case $path in
    */) rmdir -- "/$path" 2> /dev/null || : ;;
    *) rm -f -- "/$path" ;;
  esac
done < $files/removed.txt
tar --extract --file $files/carried.tar --numeric-owner --same-owner --preserve-permissions --keep-directory-symlink
while read -r mode owner path; do
  chown -h -- "$owner" "/$path"
  [ "$mode" = - ] || chmod -- "$mode" "/$path"
done < $files/attributes.txt
rm -r $files`

/**
 * Drafts the recipe of an image by what is in it: its packages, clones and settings. What no step brings is for an archive
 * beside the recipe, which is only known when the rest is built.
 */
export function draftImage(image: ImageToDraft, options: DraftImageOptions): DraftedImage {
  const {
    base,
    below,
    refused = new Map(),
    unknownPython = new Set(),
    sources = new Set(),
    otherBuilders = false,
    carries,
  } = options
  const notes: ImageNote[] = []
  const draft: RecipeDraft = {
    comments: [`A draft of what is in ${image.reference}: see what is not as you want it, and change it.`],
    base,
    entries: [],
    env: {},
    labels: {},
    expose: [],
    volumes: [],
    tasks: {},
    trailing: [],
  }
  const sourceOf = new Map<DraftEntry, string>()
  const add: Add = (step, comments = [], source = '') => {
    const entry = { at: NOWHERE, comments: [...comments], step }
    draft.entries.push(entry)
    sourceOf.set(entry, source)
  }
  const python = pythonSteps(image, (id) => below?.packages.has(id) === true, {
    refused,
    unknown: unknownPython,
    sources,
    otherBuilders,
  })
  notes.push(...python.notes)
  const hasPip = below?.packages.has('pypi/pip') === true || below?.debs.has('python3-pip') === true
  const needsPip = !hasPip && python.environments.length > 0
  addDebs(image, options, { draft, add, notes, needsPip })
  for (const { path, steps } of python.environments)
    for (const { step, comments } of steps) add(step, comments, path)
  const clones = addClones(image, refused, add, notes)
  nameOthers(image.inventory, below?.packages ?? new Set(), notes)
  addSettings(image, below?.config, draft, notes)
  if (carries) {
    draft.layout = 'flat'
    add({ kind: 'project', path: 'files', to: PLACE }, ['what is in no package: files/carried.tar'])
    add({ kind: 'run', command: UNPACK })
  }
  const recipe = settleDraft(draft, (_, what) => {
    notes.push({ kind: 'todo', text: what })
    return `TODO ${what}`
  })
  const placed = draft.entries.filter(({ step }) => step !== undefined)
  return {
    source: writeRecipe(draft),
    recipe,
    notes,
    clones,
    files: python.files,
    places: placed.map((entry) => sourceOf.get(entry) ?? ''),
  }
}

/** The suite of an image of Debian by its os-release(5); undefined when it is none that a recipe can have as its base. */
export function suiteOf(tree: FileTree): { suite: Suite | undefined; name: string } {
  const text = (tree.read('etc/os-release') ?? tree.read('usr/lib/os-release'))?.toString('utf8') ?? ''
  const value = (name: string) => new RegExp(`^${name}=["']?([^"'\\n]*)["']?$`, 'm').exec(text)?.[1] ?? ''
  const parsed = Suite.safeParse(value('VERSION_CODENAME'))
  const suite = value('ID') === 'debian' && parsed.success ? parsed.data : undefined
  return { suite, name: value('PRETTY_NAME') || value('ID') || 'a system without os-release' }
}

/** @param source where in the image it comes from: a clone, a directory of Python packages */
type Add = (step: StepDraft, comments?: readonly string[], source?: string) => void

function addDebs(
  { tree }: ImageToDraft,
  { below, unknown = new Set() }: DraftImageOptions,
  { draft, add, notes, needsPip }: { draft: RecipeDraft; add: Add; notes: ImageNote[]; needsPip: boolean },
): void {
  const installed = readInstalledDebs(tree).filter(({ name }) => !unknown.has(name))
  const { asked, besides } = debRequests(installed, below?.debs)
  if (draft.base.kind === 'debian') {
    const areas = new Set([...asked, ...besides].map(({ section }) => section.split('/')[0]))
    const components = Component.options.filter((each) => areas.has(each) && each !== 'main')
    if (components.length > 0) draft.base = { ...draft.base, components }
  }
  const names = [...asked, ...besides].map(({ name }) => name)
  if (needsPip && !installed.some(({ name }) => name === PIP)) {
    names.push(PIP)
    notes.push({ kind: 'note', text: `${PIP} is added, with what it needs: pip steps are done by it` })
  }
  if (names.length === 0) return
  const comments =
    besides.length === 0 ? [] : [`not asked for, but there: ${besides.map(({ name }) => name).join(' ')}`]
  add({ kind: 'apt', packages: names.sort(), recommends: false }, comments)
}

/** What a pip step needs of the image. */
const PIP = 'python3-pip'

/** Each clone becomes a git step, or is carried; what was changed in it is in the archive of carried files. */
function addClones(
  { tree, inventory }: ImageToDraft,
  refused: ReadonlyMap<string, string>,
  add: Add,
  notes: ImageNote[],
): string[] {
  const clones = inventory.packages.filter(({ kind }) => kind === 'git')
  const places = clones.map(({ environment = '' }) => environment)
  const isPinned = (place: string) => places.includes(place) && !refused.has(place)
  for (const { name, environment = '', version, origin, modified = [] } of clones) {
    if (leftoverAt(`${environment}/.git`) !== undefined) continue
    // a submodule comes with what it is one of
    const isSubmodule = tree.findLink(`${environment}/.git`)?.inode.type === 'file'
    if (
      isSubmodule &&
      places.some((each) => each !== environment && isBelow(environment, each) && isPinned(each))
    )
      continue
    const url = origin?.url ?? ''
    const isAddress = gitUrl.safeParse(url).success && findSecret(url) === undefined
    const reason = refused.get(environment) ?? (isAddress ? undefined : 'it has no remote that can be asked')
    const changes = `${modified.length} changed ${modified.length === 1 ? 'file' : 'files'}`
    const at = `the clone at ${showPath(name)}`
    if (reason === undefined) {
      const has = (file: string, text = '') => tree.read(`${environment}/${file}`)?.includes(text) === true
      const parts = { submodules: has('.gitmodules'), lfs: has('.gitattributes', 'filter=lfs') }
      add({ kind: 'git', url, ref: version, to: `/${environment}`, ...parts }, [], environment)
      notes.push({
        kind: 'note',
        text: `${at} is ${url} at ${version.slice(0, 12)}${modified.length > 0 ? `, with ${changes}, which the archive carries` : ''}; its history is not in the image`,
      })
    } else
      notes.push({
        kind: 'todo',
        text: `${at}, at ${version.slice(0, 12)}, is carried without its history: ${reason}`,
      })
  }
  return places
}

const NAMES: Partial<Record<InstalledPackage['kind'], string>> = {
  conda: 'conda packages',
  npm: 'npm packages',
  cran: 'R packages',
  apk: 'packages of Alpine',
  rpm: 'packages of rpm',
}

/** Packages that no step of a recipe installs: named with their versions, their files are carried. */
function nameOthers({ packages }: Inventory, below: ReadonlySet<string>, notes: ImageNote[]): void {
  for (const [kind, what] of Object.entries(NAMES)) {
    const found = packages.filter((each) => each.kind === kind && !below.has(packageId(each)))
    if (found.length === 0) continue
    const named = found.slice(0, 20).map(({ name, version }) => `${name} ${version}`)
    const more = found.length > named.length ? ` and ${found.length - named.length} more` : ''
    notes.push({
      kind: 'note',
      text: `${found.length} ${what} are carried as files, where no other package has them: ${named.join(', ')}${more}`,
    })
  }
}

/** `PATH` of an image of a recipe that says nothing. */
const ROOT_PATH = '/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin'

function addSettings(
  { config, tree }: ImageToDraft,
  below: ImageConfig | undefined,
  draft: RecipeDraft,
  notes: ImageNote[],
): void {
  const own = readConfig(config)
  const base = below === undefined ? undefined : readConfig(below)
  const withheld = (what: string, reason: string) =>
    notes.push({
      kind: 'todo',
      text: `${what} is withheld: it holds ${reason}; give it when a container is started`,
    })
  for (const [field, values, known] of [
    ['env', own.env, base?.env ?? { PATH: ROOT_PATH }],
    ['labels', own.labels, base?.labels ?? {}],
  ] as const) {
    for (const [name, value] of Object.entries(values)) {
      if (known[name] === value || name === '__proto__') continue
      const secret =
        isSecretName(name) && value !== ''
          ? 'a secret variable'
          : (findSecret(value) ?? (setsSecret(value) ? 'a secret setting' : undefined))
      if (secret === undefined) draft[field][name] = value
      else withheld(`${field === 'env' ? 'variable' : 'label'} ${name}`, secret)
    }
  }
  for (const field of ['entrypoint', 'cmd'] as const) {
    const words = own[field]
    if (words === null || JSON.stringify(words) === JSON.stringify(base?.[field] ?? null)) continue
    const text = words.join('\n')
    const isSecret = givesSecret(words) || setsSecret(text)
    const secret = findSecret(text) ?? (isSecret ? 'a secret setting' : undefined)
    if (secret === undefined) draft[field] = words
    else withheld(field, secret)
  }
  if (own.workdir !== '' && own.workdir !== '/' && own.workdir !== base?.workdir) draft.workdir = own.workdir
  draft.expose = own.ports.filter((port) => !base?.ports.includes(port))
  draft.volumes = own.volumes.filter((volume) => !base?.volumes.includes(volume))
  if (own.user === (base?.user ?? '')) return
  const user = accountOf(tree, own.user)
  const checked = User.safeParse(user)
  if (checked.success) draft.user = checked.data
  else if (!['', '0', 'root', '0:0', 'root:root'].includes(own.user))
    notes.push({
      kind: 'todo',
      text: `containers ran as ${JSON.stringify(own.user)}, which is no account that a recipe can make: they run as root`,
      next: "user: { name: 'NAME', uid: 1000, home: '/home/NAME' } in the recipe",
    })
}

/** The account that an image's `User` names, when its group has the same number, as that of a recipe's user has. */
function accountOf(tree: FileTree, user: string): unknown {
  const [wanted = ''] = user.split(':')
  const lines = tree.read('etc/passwd')?.toString('utf8').split('\n') ?? []
  const fields = lines
    .map((line) => line.split(':'))
    .find(([name, , uid]) => name === wanted || uid === wanted)
  if (fields === undefined) return undefined
  const [name, , uid, gid, , home, shell] = fields
  return uid === gid ? { name, uid: Number(uid), home, ...(shell ? { shell } : {}) } : undefined
}
