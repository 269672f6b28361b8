import { expectInventory } from '../../audit/expect/expect-installed.ts'
import { packageId } from '../../audit/expect/locked-packages.ts'
import { showPath } from '../../audit/finding.ts'
import { requirementName } from '../../formats/python/distribution-name.ts'
import type { FileTree } from '../../image/file-tree.ts'
import type { InstalledPackage, Inventory } from '../../inventory/inventory.ts'
import { shellWord } from '../draft/draft-state.ts'
import type { StepDraft } from '../draft/recipe-draft.ts'
import type { ImageNote } from './image-note.ts'
import { type PythonEnvironment, pythonRequests } from './python-requests.ts'

/** What is known of why Python packages could not be locked, by their environments. */
export interface PythonLimits {
  /** Environments whose packages are carried, with the reason. */
  refused: ReadonlyMap<string, string>
  /** Packages that no index has: not asked for. */
  unknown: ReadonlySet<string>
  /** Packages that an index has as source alone. */
  sources: ReadonlySet<string>
  /** Whether sources are not built by what they are built by at first: what the image has, or else the newest. */
  otherBuilders: boolean
}

export interface PythonSteps {
  /** The steps of one environment, and what stands before them. */
  environments: { path: string; steps: { step: StepDraft; comments: string[] }[] }[]
  /** Text of files beside the recipe, by path. */
  files: Map<string, string>
  notes: ImageNote[]
}

/** More constraints than these are kept in a file of their own. */
const SHORT = 12
/** Where pip of Debian's own Python installs as root. */
const SYSTEM = /^usr\/local\/lib\/python3(?:\.\d+)?\/(?:dist|site)-packages$/
/** Of a virtual environment, or `pip install --user`: below its own directory. */
const ELSEWHERE = /^(.+)\/lib\/(python3\.\d+)\/site-packages$/
/** What builds sources that say nothing else: Debian's, where the image has them, as old sources want old ones. */
const BUILDERS = ['setuptools', 'wheel']

/**
 * Steps for the Python packages of an image. A pip step installs for all; those of a virtual environment or of one user are moved
 * where they belong before the next environment's are installed.
 *
 * @param isOfBase whether a package is there before the first step
 */
export function pythonSteps(
  { tree, inventory }: { tree: FileTree; inventory: Inventory },
  isOfBase: (id: string) => boolean,
  limits: PythonLimits,
): PythonSteps {
  const debs = inventory.packages.filter(({ kind }) => kind === 'deb')
  const owned = expectInventory({ tree, inventory: { packages: debs, problems: [] } })
  const own = inventory.packages.filter((each) => !isOfBase(packageId(each)))
  const found = pythonRequests(tree, own, (path) => owned.at(owned.place(path)).length > 0)
  const result: PythonSteps = { environments: [], files: new Map(), notes: [] }
  const hasVenv = debs.some(({ name }) => /^python3(\.\d+)?-venv$/.test(name))
  const hasBuilders = BUILDERS.every((name) => debs.some((deb) => deb.name === `python3-${name}`))
  const isByImage = limits.otherBuilders ? !hasBuilders : hasBuilders
  const seeds = hasVenv ? seedsOf(debs) : new Set<string>()
  // what is installed for all stays, and so comes last
  const hasBase = inventory.packages.some((each) => isOfBase(packageId(each)))
  const inOrder = [...found].sort((a, b) => Number(SYSTEM.test(a.path)) - Number(SYSTEM.test(b.path)))
  for (const environment of inOrder) {
    const { path, apart } = environment
    for (const { name, version, origin } of apart) {
      const from = origin === undefined ? 'and leaves no list of its files' : `from ${origin.url}`
      result.notes.push({
        kind: 'note',
        text: `Python package ${name} ${version} in ${showPath(path)} was installed ${from}: its files are carried`,
      })
    }
    const place = placeOf(tree, path, hasBase)
    const isVenv = place !== undefined && tree.findLink(`${place.prefix}/pyvenv.cfg`) !== undefined
    const { asked, brought } = withLimits(isVenv ? without(environment, seeds) : environment, limits)
    if (asked.length === 0 && !isVenv) continue
    if (place === undefined || limits.refused.has(path)) {
      const reason = limits.refused.get(path) ?? 'no pip step installs there'
      const packages = [...asked, ...brought].join(', ')
      result.notes.push({
        kind: 'todo',
        text: `Python packages in ${showPath(path)} are carried, as ${reason}: ${packages}`,
      })
      continue
    }
    const file = brought.length > SHORT ? constraintsFile(result.files, brought) : undefined
    const sources = [...asked, ...brought].map(requirementName).filter((name) => limits.sources.has(name))
    const pip: StepDraft = {
      kind: 'pip',
      requirements: asked,
      files: [],
      constraints: file === undefined ? brought : [],
      constraintFiles: file === undefined ? [] : [file],
      index: undefined,
      local: [],
      sdists: Object.fromEntries(sources.map((name) => [name, isByImage ? [] : BUILDERS])),
    }
    const steps: { step: StepDraft; comments: string[] }[] =
      asked.length > 0 ? [{ step: pip, comments: [] }] : []
    if (place.prefix !== '') {
      const prefix = shellWord(`/${latin1AsText(place.prefix)}`)
      if (isVenv) {
        const bare = hasVenv ? '' : ' --without-pip'
        const command = `python3 -m venv${bare} ${prefix}`
        steps.unshift({ step: { kind: 'run', command }, comments: ['a virtual environment'] })
      }
      const names = [...asked, ...brought].map(requirementName)
      const command = moveCommand(prefix, names)
      if (names.length > 0)
        steps.push({
          step: { kind: 'run', command },
          comments: ['what the step before installed goes there'],
        })
    }
    result.environments.push({ path, steps })
  }
  return result
}

/** What `python3 -m venv` puts into a new environment, pinned: Debian keeps these as wheels of its own. */
function seedsOf(debs: readonly InstalledPackage[]): Set<string> {
  return new Set(
    debs.flatMap(({ name, version }) => {
      const [, seed] = /^python3-(pip|setuptools)-whl$/.exec(name) ?? []
      return seed === undefined ? [] : [`${seed}==${version.replace(/^\d+:/, '').replace(/[+~-].*$/, '')}`]
    }),
  )
}

const without = ({ asked, brought, ...environment }: PythonEnvironment, seeds: ReadonlySet<string>) => ({
  ...environment,
  asked: asked.filter((each) => !seeds.has(each)),
  brought: brought.filter((each) => !seeds.has(each)),
})

/** An environment's packages but for those that no index has: what these brought is then asked for itself. */
function withLimits({ asked, brought }: PythonEnvironment, { unknown }: PythonLimits) {
  const isKnown = (requirement: string) => !unknown.has(requirementName(requirement))
  const known = asked.filter(isKnown)
  const others = brought.filter(isKnown)
  return known.length === asked.length
    ? { asked: known, brought: others }
    : { asked: [...known, ...others].sort(), brought: [] }
}

/** Where an environment is: an empty prefix for that of the system; undefined where no step can put anything. */
function placeOf(tree: FileTree, path: string, hasBase: boolean): { prefix: string } | undefined {
  // another Python's own, which only an image of it brings
  if (SYSTEM.test(path)) return path.endsWith('/site-packages') && !hasBase ? undefined : { prefix: '' }
  const [, prefix, python] = ELSEWHERE.exec(path) ?? []
  const isUsable =
    prefix !== undefined &&
    /^[\x20-\x7e\x80-\xff]+$/.test(prefix) &&
    tree.find(`usr/bin/${python}`) !== undefined
  return isUsable ? { prefix } : undefined
}

/** Paths are bytes as latin1, and recipes text. */
const latin1AsText = (path: string) => Buffer.from(path, 'latin1').toString('utf8')

function constraintsFile(files: Map<string, string>, lines: readonly string[]): string {
  const name = files.size === 0 ? 'constraints.txt' : `constraints-${files.size + 1}.txt`
  files.set(name, `${lines.join('\n')}\n`)
  return name
}

/** Moves packages that pip has just installed for all to another prefix, by the lists of their own files. */
function moveCommand(prefix: string, names: readonly string[]): string {
  return `python3 - ${[prefix, ...[...new Set(names)].sort().map(shellWord)].join(' ')} << 'PYTHON'
import os, sys
from importlib.metadata import PackageNotFoundError, distribution
def move(source):
    target = sys.argv[1] + source[len('/usr/local'):].replace('/dist-packages/', '/site-packages/', 1)
    os.makedirs(os.path.dirname(target), exist_ok=True)
    os.replace(source, target)
top = None
for name in sys.argv[2:]:
    try:
        found = distribution(name)
    except PackageNotFoundError:
        continue
    if not str(found.locate_file('')).startswith('/usr/local/'):
        continue
    top = str(found.locate_file(''))
    for path in [os.path.normpath(str(file.locate())) for file in found.files or []]:
        if path.startswith('/usr/local/') and os.path.lexists(path):
            move(path)
for place, directories, files in os.walk(top, topdown=False) if top else ():
    if os.path.basename(place) == '__pycache__':
        for file in files:
            if not os.path.lexists(os.path.join(place, '..', file.split('.')[0] + '.py')):
                os.remove(os.path.join(place, file))
    if place != top and not os.listdir(place):
        os.rmdir(place)
PYTHON`
}
