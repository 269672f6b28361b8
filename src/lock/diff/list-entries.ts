import type {
  DebianPackage,
  LockedBase,
  LockedPlatform,
  LockedStep,
  Lockfile,
  PythonFile,
} from '../schema.ts'
import { type AskedFor, readAsked } from './read-asked.ts'
import type { PackageState } from './schema.ts'

/** One package of a lock, in the widest sense: whatever has a name and is pinned. */
export interface Entry {
  platform: string
  ecosystem: string
  /** What makes it the same one in another lock; `name` is for people. */
  key: string
  name: string
  state: PackageState
}

type Draft = Omit<Entry, 'platform'>

/** Every package of a lock, of its bases, indexes and steps. */
export function listEntries(lock: Lockfile): Entry[] {
  const asked = readAsked(lock.inputs.fields)
  return Object.entries(lock.platforms).flatMap(([platform, { base, steps }]: [string, LockedPlatform]) =>
    [
      ...baseEntries(base, asked),
      ...steps.flatMap((step, i) => stepEntries(step, `steps[${i}]`, lock.inputs.fields, asked)),
    ].map((draft) => ({ platform, ...draft })),
  )
}

function baseEntries(base: LockedBase, asked: AskedFor): Draft[] {
  const place = 'base'
  const indexes = base.indexes.map(({ archive, suite, component, date, release, packages, signedBy }) =>
    draft('index', `${archive} ${suite} ${component}`, {
      ...blank(place),
      version: date,
      digest: `sha256:${release}`,
      facts: { packages, signedBy: signedBy.toSorted().join(' ') },
    }),
  )
  if (base.kind === 'debian') {
    const state = { ...blank(place), version: base.suite, source: 'debian', asked: true }
    return [
      { ecosystem: 'base', key: '', name: 'debian', state },
      ...indexes,
      ...base.packages.map((item) => debianEntry(item, place, asked)),
    ]
  }
  if (base.kind === 'recipe') {
    const state = { ...blank(place), version: base.created, source: `recipe ${base.recipe}`, asked: true }
    return [
      { ecosystem: 'base', key: '', name: `recipe ${base.recipe}`, state },
      ...indexes,
      ...inventoryEntries(base, place),
    ]
  }
  const { repository, tag } = splitReference(base.reference)
  const state = {
    ...blank(place),
    version: tag,
    digest: base.manifest,
    source: repository,
    asked: true,
    facts: { created: base.created },
  }
  return [
    { ecosystem: 'base', key: '', name: repository, state },
    ...indexes,
    ...inventoryEntries(base, place),
  ]
}

function inventoryEntries({ inventory }: Exclude<LockedBase, { kind: 'debian' }>, place: string): Draft[] {
  return inventory.map(({ kind, name, version, architecture, environment }) => {
    const where = environment === undefined ? '' : ` (${environment})`
    const facts = architecture === undefined ? {} : { architecture }
    return { ...draft(kind, name + where, { ...blank(place), version, source: 'base image', facts }) }
  })
}

function stepEntries(
  step: LockedStep,
  place: string,
  fields: Record<string, unknown>,
  asked: AskedFor,
): Draft[] {
  const field = (key: string) => textOf(fields[place], key)
  switch (step.kind) {
    case 'apt':
      return step.packages.map((item) => debianEntry(item, place, asked))
    case 'pip':
      return [
        ...step.files.map((file) => pythonEntry('pypi', file.name, file, place, asked.pypi.has(file.name))),
        ...Object.entries(step.build).flatMap(([name, files]) =>
          files.map((file) => pythonEntry('pypi-build', `${file.name} (builds ${name})`, file, place, false)),
        ),
      ]
    case 'git': {
      const { url, commit, tree, sha256, size } = step
      const state = { ...digested(place, sha256, size), version: commit, source: url, asked: true }
      return [{ ecosystem: 'git', key: field('to') ?? url, name: url, state: { ...state, facts: { tree } } }]
    }
    case 'file': {
      const { url, sha256, size } = step
      const state = { ...digested(place, sha256, size), source: url, asked: true }
      return [{ ecosystem: 'file', key: field('to') ?? url, name: url, state }]
    }
    case 'project': {
      const { commit, tree } = step
      const state = { ...blank(place), version: commit, digest: `git-tree:${tree}`, asked: true }
      return [draft('project', field('path') ?? place, state)]
    }
    // its recipe is a part of the lock by itself
    case 'copy':
    case 'run':
      return []
  }
}

function debianEntry(item: DebianPackage, place: string, asked: AskedFor): Draft {
  const { name, version, architecture, archive, path, size, sha256 } = item
  return draft('deb', name, {
    ...digested(place, sha256, size),
    version,
    source: archive,
    asked: asked.deb.has(name),
    facts: { architecture, path },
  })
}

function pythonEntry(
  ecosystem: string,
  name: string,
  item: PythonFile,
  place: string,
  asked: boolean,
): Draft {
  const { version, file, size, sha256, replaces, layer, url, index } = item
  const facts = {
    file,
    ...(replaces === undefined ? {} : { replaces }),
    ...(layer === undefined ? {} : { layer: String(layer) }),
  }
  const source = url ?? index ?? null
  return draft(ecosystem, name, { ...digested(place, sha256, size), version, source, asked, facts })
}

const draft = (ecosystem: string, name: string, state: PackageState): Draft => ({
  ecosystem,
  key: name,
  name,
  state,
})

const blank = (place: string): PackageState => ({
  version: null,
  digest: null,
  size: null,
  source: null,
  place,
  asked: false,
  facts: {},
})

const digested = (place: string, sha256: string, size: number): PackageState => ({
  ...blank(place),
  digest: `sha256:${sha256}`,
  size,
})

/** A reference without a tag names a digest, which the manifest tells. */
function splitReference(reference: string): { repository: string; tag: string | null } {
  const [name = ''] = reference.split('@')
  const colon = name.lastIndexOf(':')
  if (colon <= name.lastIndexOf('/')) return { repository: name, tag: null }
  return { repository: name.slice(0, colon), tag: name.slice(colon + 1) }
}

function textOf(value: unknown, key: string): string | undefined {
  const found =
    typeof value === 'object' && value !== null ? (value as Record<string, unknown>)[key] : undefined
  return typeof found === 'string' ? found : undefined
}
