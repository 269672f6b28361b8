import { DockerfileParser } from 'dockerfile-ast'
import fc from 'fast-check'
import { expect, test } from 'vitest'
import type { z } from 'zod'
import { rounds } from '../../test/support/nightly.ts'
import { StillroomError } from '../error.ts'
import { inputsChecksum, lockInputs } from '../lock/lock-inputs.ts'
import { normalizePlatform } from '../lock/normalize-lock.ts'
import { lockIdentity, sourceNames } from '../lock/other-recipes.ts'
import { parseLock } from '../lock/parse-lock.ts'
import { recordedRecipe } from '../lock/recorded-recipe.ts'
import { LockedPlatform, type Lockfile } from '../lock/schema.ts'
import { serializeLock } from '../lock/serialize-lock.ts'
import { imageBase, smallLock, smallRecipe } from '../lock/small-lock.test-data.ts'
import { standingLock, standingRecipe } from '../lock/with-recipe.test-data.ts'
import type { Recipe } from '../recipe/schema.ts'
import { nastyText } from './nasty-strings.test-data.ts'
import { renderContext } from './render-context.ts'

type Node = z.core.$ZodType
type Path = (string | typeof ITEM | typeof KEY)[]

/** Every item of a list, or every value of a record. */
const ITEM = Symbol('item')
/** Every name in a record. */
const KEY = Symbol('key')

/** Where the schema has a string, each once; an object of a union is taken by its kind. */
function stringsOf(node: Node, path: Path = []): Path[] {
  const { def } = (node as z.core.$ZodTypes)._zod
  switch (def.type) {
    case 'object':
      return Object.entries(def.shape).flatMap(([key, inner]) => stringsOf(inner, [...path, key]))
    case 'array':
      return stringsOf(def.element, [...path, ITEM])
    case 'record':
      return [[...path, KEY], ...stringsOf(def.valueType, [...path, ITEM])]
    case 'union':
      return def.options.flatMap((option) => stringsOf(option, path))
    case 'optional':
    case 'nullable':
    case 'default':
      return stringsOf(def.innerType, path)
    case 'string':
      return [path]
    case 'enum':
    case 'literal':
    case 'number':
    case 'boolean':
    // the recorded fields of another recipe: they are read as a recipe
    case 'lazy':
      return []
    default:
      throw new Error(`the schema of locks has a ${def.type}: say here where its strings are`)
  }
}

/** Sets what lies at a path, wherever the value has it; whether it has. */
function replace(value: unknown, [first, ...rest]: Path, text: string): boolean {
  if (typeof value !== 'object' || value === null || first === undefined) return false
  const record = value as Record<string, unknown>
  if (first === KEY) {
    // the first is PATH, which an image has anyway
    const name = Object.keys(record).at(-1)
    if (name === undefined || Array.isArray(value)) return false
    const { [name]: held } = record
    delete record[name]
    Object.defineProperty(record, text, { value: held, enumerable: true, configurable: true })
    return true
  }
  const keys = first === ITEM ? Object.keys(record).slice(0, 1) : [first as string]
  const places = first === ITEM && rest.length > 0 ? Object.keys(record) : keys
  return places
    .map((key) => {
      if (rest.length > 0) return replace(record[key], rest, text)
      if (typeof record[key] !== 'string') return false
      // how the name of a Python file ends says of what kind it is, and each kind has stages of its own
      record[key] = text + (/\.(whl|tar\.gz)$/.exec(record[key])?.[0] ?? '')
      return true
    })
    .some(Boolean)
}

const SAMPLES: Lockfile[] = [
  smallLock,
  inLayers(),
  onImage(),
  withArchive(),
  withRecipe(withArchive()),
  withRecipe(onImage()),
  onRecipe(),
]

function onImage(): Lockfile {
  const lock = structuredClone(smallLock)
  const locked = lock.platforms['linux/amd64'] ?? expect.unreachable()
  const { indexes } = locked.base
  const base = { kind: 'image' as const, reference: imageBase.reference }
  lock.inputs = lockInputs({ ...smallRecipe, base }, { solver: '2'.repeat(40) })
  locked.base = { ...structuredClone(imageBase), indexes, index: imageBase.manifest }
  locked.base.configuration.stopSignal = 'SIGTERM'
  // the same digests are artifacts of the small lock, of other sizes
  locked.base.layers = imageBase.layers.map((layer, i) => ({
    ...layer,
    digest: `sha256:0${i}${'0'.repeat(62)}`,
  }))
  const project = locked.steps.find((step) => step.kind === 'project') ?? expect.unreachable()
  project.part = { directory: 'code/solver', exclude: ['data'] }
  const pip = locked.steps.find((step) => step.kind === 'pip')
  for (const file of pip?.build['docopt'] ?? []) file.replaces = '0.39'
  for (const file of pip?.files ?? [])
    Object.assign(file, { url: 'https://example.org/x.whl', index: 'https://example.org/simple' })
  return lock
}

/** The small lock with a step that takes files from the recipe of another lock. */
function withRecipe(other: Lockfile): Lockfile {
  const lock = structuredClone(smallLock)
  const locked = lock.platforms['linux/amd64'] ?? expect.unreachable()
  const { image, ...pins } = structuredClone(other).platforms['linux/amd64'] ?? expect.unreachable()
  const { id, tree, size, diffIDs } = image ?? expect.unreachable()
  locked.steps.push({ kind: 'copy', recipe: 'other', path: '/opt/tool' })
  const built = { inputs: other.inputs, ...pins, image: { id, tree, size, diffIDs } }
  // the other one takes files from a third
  const steps = [...pins.steps, { kind: 'copy' as const, recipe: 'third', path: '/opt/tool' }]
  locked.recipes = {
    other: { ...built, inputs: inputsWith(recordedRecipe(other), 'third'), steps },
    third: built,
  }
  lock.inputs = inputsWith(smallRecipe, 'other')
  return sealed(lock)
}

/** With inputs that name the other recipe as it is in the lock, whatever that is. */
function sealed(lock: Lockfile): Lockfile {
  const { recipes } = normalizePlatform(lock.platforms['linux/amd64'] ?? expect.unreachable())
  const name = sourceNames(lock.platforms['linux/amd64'] ?? expect.unreachable())[0]
  const other = recipes?.[name ?? '']
  if (name === undefined || other === undefined) return lock
  const identity = lockIdentity({ ...other, recipes })
  const fields = { ...lock.inputs.fields, [`recipes[${JSON.stringify(name)}]`]: identity }
  return { ...lock, inputs: { checksum: inputsChecksum(fields), fields } }
}

/** Of a recipe with a step that copies from another one. */
function inputsWith(written: Recipe, name: string) {
  const from = { kind: 'recipe' as const, name }
  const step = { kind: 'copy' as const, from, path: '/opt/tool', to: '/srv' }
  const recipe = { ...written, steps: [...written.steps, step] }
  return lockInputs(recipe, { solver: '2'.repeat(40) })
}

/** A lock of a recipe that stands on another, which stands on a third. */
function onRecipe(): Lockfile {
  const below = standingLock()
  const { image: _, recipes, ...pins } = below.platforms['linux/amd64'] ?? expect.unreachable()
  const small = recipes?.small ?? expect.unreachable()
  const lock = structuredClone(below)
  const locked = lock.platforms['linux/amd64'] ?? expect.unreachable()
  const { base } = locked
  if (base.kind !== 'recipe') return expect.unreachable()
  base.recipe = 'middle'
  base.configuration.stopSignal = 'SIGTERM'
  locked.recipes = { small, middle: { inputs: below.inputs, ...structuredClone(pins), image: small.image } }
  lock.inputs = lockInputs({ ...standingRecipe, base: { kind: 'recipe', name: 'middle' } })
  return sealed(lock)
}

/** The small lock with the index of an archive that the recipe names, and an image that was saved and published. */
function withArchive(): Lockfile {
  const lock = structuredClone(smallLock)
  const { base, image } = lock.platforms['linux/amd64'] ?? expect.unreachable()
  if (image !== null) {
    image.archive = { sha256: '7'.repeat(64), size: 130_000 }
    image.published = { reference: 'registry.example.org/small:1', manifest: `sha256:${'6'.repeat(64)}` }
    const tasks = { say: { command: ['echo', 'small'], workdir: '/srv' } }
    image.sif = { sha256: '5'.repeat(64), size: 90_000, inputs: '4'.repeat(64), tasks }
  }
  const [index] = base.indexes
  if (index !== undefined)
    base.indexes.push({
      ...index,
      archive: 'example.org/tools',
      url: 'https://example.org/tools',
      snapshot: 'https://snapshot.example.org/tools',
    })
  return lock
}

/** What is nasty on one line, and on several. */
const nasty = fc.oneof(
  nastyText,
  fc
    .tuple(
      nastyText,
      fc.constantFrom('\n', '\r', '\r\n', '\0', '\t', '\u0085', '\u2028', '\u202e'),
      nastyText,
    )
    .map((parts) => parts.join('')),
  fc.constantFrom(
    'x\nRUN id',
    '--x',
    '../../etc/passwd',
    '%2e%2e/x',
    '/a/../b',
    "'; id; '",
    '$(id)',
    '',
    'a\tb',
  ),
)

/** What a line of each list is: one record, whose words begin with no dash. */
const RECORDS: [file: RegExp, line: RegExp][] = [
  [/^artifacts\.tsv$/, /^(#.*|[^\t]+(\t[^\t]+){5})$/],
  [/(^|\/)base\/sources\.txt$/, /^[a-z0-9]\S* \d{8}T\d{6}Z [A-Za-z0-9]\S* \w\S*$/],
  [/\/directories\.txt$/, /^\d+ \/.*$/],
  [/\/apt-\d+\/packages\.tsv$/, /^[a-z0-9]\S+\t\d\S*\t(amd64|all)$/],
  [/\/order\.txt$/, /^(unpack|configure)( [a-z0-9][a-z0-9+.-]+)+$/],
  [/\/(requested|dependencies)\.txt$/, /^[a-z0-9][a-z0-9+.-]+$/],
  [/\/pip-\d+(\/wheels-\d+)?\/packages\.tsv$/, /^[a-z0-9]\S*\t[A-Za-z0-9]\S*$/],
  [/\/(requirements|build-[a-z0-9-]+)\.txt$/, /^[a-z0-9]\S*==[A-Za-z0-9]\S* --hash=sha256:[0-9a-f]{64}$/],
  [/\/direct\.tsv$/, /^[a-z0-9]\S*\thttps?:\/\/\S+\t[0-9a-f]{64}$/],
  [/\/built\.txt$/, /^[a-z0-9]\S*==[A-Za-z0-9]\S*$/],
  [/\/local\.txt$/, /^(editable|copy) [a-z0-9]\S* \/.*$/],
]

/** The instructions of a context's Dockerfile; every list of it must have records alone. */
function instructionsOf(lock: Lockfile): string[] {
  const locked = lock.platforms['linux/amd64'] ?? expect.unreachable()
  const files = renderContext('small', recordedRecipe(lock), locked, {})
  for (const [path, text] of files) {
    expect(path).not.toMatch(/(^|\/)\.{0,2}(\/|$)/)
    if (!/\.(txt|tsv)$/.test(path)) continue
    const record = RECORDS.find(([file]) => file.test(path))?.[1] ?? expect.unreachable(path)
    for (const line of text.split('\n').slice(0, -1)) expect(line).toMatch(record)
  }
  return (
    DockerfileParser.parse(files.get('Dockerfile') ?? '')
      .getInstructions()
      .map((instruction) => instruction.getKeyword())
      // which a base has or has not
      .filter((keyword) => !['USER', 'WORKDIR', 'STOPSIGNAL'].includes(keyword))
  )
}

/** As a reader of the file gets it; undefined when it is refused. */
function readBack(lock: Lockfile): Lockfile | undefined {
  try {
    return parseLock(serializeLock(lock), 'lock.json')
  } catch (error) {
    if (error instanceof StillroomError && error.code === 'LOCK_INVALID') return undefined
    throw error
  }
}

const FIELDS = stringsOf(LockedPlatform)
const shown = (path: Path) =>
  path.map((part) => (typeof part === 'symbol' ? part.description : part)).join('.')

test('the samples have every string of the schema', () => {
  const missing = FIELDS.filter((path) => !SAMPLES.some((lock) => replace(platformOf(lock), path, 'x')))
  expect(missing.map(shown)).toEqual([])
  expect(FIELDS.length).toBeGreaterThan(70)
})

/** Its wheels have a layer of their own. */
function inLayers(): Lockfile {
  const lock = structuredClone(smallLock)
  for (const step of lock.platforms['linux/amd64']?.steps ?? [])
    if (step.kind === 'pip')
      step.files = step.files.map((file) => (file.file.endsWith('.whl') ? { ...file, layer: 1 } : file))
  return sealed(lock)
}

function platformOf(lock: Lockfile): unknown {
  return structuredClone(lock).platforms['linux/amd64']
}

test.each(FIELDS.map((path) => [shown(path), path] as const))(
  'a nasty %s of a lock is refused, or means nothing in a context',
  (_, path) => {
    const having = SAMPLES.filter((sample) => replace(platformOf(sample), path, 'x'))
    const alone = having.filter((sample) => sample.platforms['linux/amd64']?.recipes === undefined)
    for (const sample of alone.length > 0 ? alone : having) {
      const expected = instructionsOf(readBack(sample) ?? expect.unreachable())
      fc.assert(
        fc.property(nasty, (text) => {
          const changed = structuredClone(sample)
          replace(changed.platforms['linux/amd64'], path, text)
          const lock = readBack(sealed(changed))
          if (lock !== undefined) expect(instructionsOf(lock)).toEqual(expected)
        }),
        { numRuns: rounds(25, 200) },
      )
    }
  },
)
