import { z } from 'zod'
import { normalizeName } from './distribution-name.ts'
import { type ForeignLock, mostCommon, requirementText, type Selection } from './foreign-lock.ts'

const Source = z.object({
  registry: z.string().optional(),
  url: z.string().optional(),
  git: z.string().optional(),
  path: z.string().optional(),
  directory: z.string().optional(),
  editable: z.string().optional(),
  virtual: z.string().optional(),
})
const Dependency = z.object({
  name: z.string(),
  version: z.string().optional(),
  source: Source.optional(),
  extra: z.array(z.string()).optional(),
  marker: z.string().optional(),
})
type Dependency = z.infer<typeof Dependency>
const File = z.object({ hash: z.string().optional() })
const Package = z.object({
  name: z.string(),
  version: z.string().optional(),
  source: Source,
  'resolution-markers': z.array(z.string()).default([]),
  dependencies: z.array(Dependency).default([]),
  'optional-dependencies': z.record(z.string(), z.array(Dependency)).default({}),
  'dev-dependencies': z.record(z.string(), z.array(Dependency)).default({}),
  sdist: File.optional(),
  wheels: z.array(File).default([]),
})
type Package = z.infer<typeof Package>
const UvLock = z.object({ version: z.literal(1), package: z.array(Package) })

/**
 * Reads a `uv.lock` of version 1: the project's own dependencies are what is asked for; the version and the hashes of every
 * package are constraints, each where its markers hold. The project itself is not installed.
 *
 * @param toml what the file holds, parsed
 */
export function readUvLock(toml: unknown, { extras = [], groups = [] }: Selection = {}): ForeignLock {
  const lock: ForeignLock = { requirements: [], constraints: [], indexes: {}, problems: [] }
  const parsed = UvLock.safeParse(toml)
  if (!parsed.success) {
    const [issue] = parsed.error.issues
    return {
      ...lock,
      problems: [`it is no uv.lock of version 1: ${issue?.path.join('.')}: ${issue?.message}`],
    }
  }
  const { package: packages } = parsed.data
  const main = mostCommon(packages.map(({ source }) => source.registry))
  for (const one of packages) {
    const { name, version, source } = one
    const hashes = sha256Of(one)
    const marker = one['resolution-markers'].map((text) => `(${text})`).join(' or ')
    if (source.registry !== undefined)
      lock.constraints.push(requirementText({ name, version, marker, hashes }))
    else if (source.url !== undefined) lock.constraints.push(requirementText({ name, marker, hashes }))
    if (source.registry !== undefined && source.registry !== main)
      lock.indexes[normalizeName(name)] = source.registry
  }
  const roots = packages.filter(({ source }) => (source.virtual ?? source.editable) === '.')
  const [root, ...more] = roots.length > 0 ? roots : packages.filter(isMember)
  if (root === undefined || more.length > 0)
    lock.problems.push(`expected one project in its root, found ${more.length + (root ? 1 : 0)}`)
  else {
    for (const [kind, names, parts] of [
      ['extra', extras, root['optional-dependencies']],
      ['group', groups, root['dev-dependencies']],
    ] as const)
      for (const name of names)
        if (!Object.hasOwn(parts, name)) lock.problems.push(`"${root.name}" has no ${kind} "${name}"`)
    const direct = [
      ...root.dependencies,
      ...extras.flatMap((extra) => root['optional-dependencies'][extra] ?? []),
      ...groups.flatMap((group) => root['dev-dependencies'][group] ?? []),
    ]
    addDependencies(direct, packages, lock)
  }
  const requirements = [...new Set(lock.requirements)]
  const asked = new Set(requirements.map((text) => normalizeName(/^[\w.-]+/.exec(text)?.[0] ?? '')))
  // an index of its own is only of use for what is asked for
  const indexes = Object.fromEntries(Object.entries(lock.indexes).filter(([name]) => asked.has(name)))
  return { ...lock, requirements, indexes }
}

const isMember = ({ source }: Package) =>
  (source.virtual ?? source.editable ?? source.directory) !== undefined

/** What is asked for: direct dependencies, and further down what an index of its own has. */
function addDependencies(
  direct: readonly Dependency[],
  packages: readonly Package[],
  lock: ForeignLock,
): void {
  const seen = new Set<Package>()
  const names = new Set(direct.map(({ name }) => name))
  const visit = (dependency: Dependency, isDirect: boolean) => {
    const { name, version, source, extra, marker } = dependency
    if (/\bextra\b/.test(marker ?? '')) {
      lock.problems.push(`"${name}" depends on which of conflicting extras is taken (${marker})`)
      return
    }
    const found = packages.filter(
      (one) =>
        one.name === name &&
        (version === undefined || one.version === version) &&
        (source === undefined || JSON.stringify(one.source) === JSON.stringify(source)),
    )
    for (const one of found) {
      const { registry, url, git, path } = one.source
      if (git !== undefined || path !== undefined || isMember(one)) {
        const where = git ?? path ?? one.source.editable ?? one.source.directory ?? one.source.virtual
        lock.problems.push(
          `"${name}" is not of an index (${where}): place it by a step of the recipe, and install it with local`,
        )
        continue
      }
      const isOfOther = registry !== undefined && Object.hasOwn(lock.indexes, normalizeName(name))
      if (isDirect || (isOfOther && !names.has(name))) {
        const exact = version ?? (isOfOther ? one.version : undefined)
        const text = requirementText({ name, extras: extra, version: exact, url, marker })
        lock.requirements.push(text)
      }
      if (seen.has(one)) continue
      seen.add(one)
      for (const next of [
        ...one.dependencies,
        ...(extra ?? []).flatMap((each) => one['optional-dependencies'][each] ?? []),
      ])
        visit(next, false)
    }
    if (found.length === 0) lock.problems.push(`"${name}" is required, and not among the packages`)
  }
  for (const dependency of direct) visit(dependency, true)
}

function sha256Of({ sdist, wheels }: Package): string[] {
  return [sdist, ...wheels].flatMap((file) => /^sha256:([0-9a-f]{64})$/.exec(file?.hash ?? '')?.[1] ?? [])
}
