import { formatPath, type Issue, quoteValue } from '../formats/json/describe-issues.ts'
import { requirementName } from '../formats/python/distribution-name.ts'
import { parseRequirement } from '../formats/python/requirement.ts'
import { parseAptRequest } from './apt-request.ts'
import { archiveName } from './archive-name.ts'
import { formatAddress, parsePublished } from './published-port.ts'
import type { Recipe } from './schema.ts'

/**
 * What the fields of a recipe contradict each other in, and what no single field's schema can say.
 * All issues at once; none when the recipe can be resolved.
 */
export function checkRecipe(recipe: Recipe): Issue[] {
  return [
    ...checkText(recipe),
    ...checkBase(recipe),
    ...checkArchives(recipe),
    ...checkApt(recipe),
    ...checkPip(recipe),
    ...checkPlaces(recipe),
    ...checkUser(recipe),
    ...checkPorts(recipe),
    ...checkTasks(recipe),
    ...checkPrograms(recipe),
    ...duplicates(recipe.volumes, (i) => ['volumes', i]),
    ...duplicates(
      recipe.checks.map(({ name }) => name),
      (i) => ['checks', i, 'name'],
    ),
  ]
}

/** Every string, of a recipe or a lock, goes into a file as UTF-8, and what a reviewer reads is what is run. */
export function checkText(value: unknown, path: PropertyKey[] = []): Issue[] {
  if (typeof value === 'string') {
    if (!value.isWellFormed()) return [issue(path, value, 'must not contain half of a surrogate pair')]
    if (BIDI.test(value))
      return [issue(path, value, 'must not contain characters that turn the direction of text')]
    return []
  }
  if (typeof value !== 'object' || value === null) return []
  return Object.entries(value).flatMap(([key, item]) => [
    ...checkText(key, [...path, key]),
    ...checkText(item, [...path, Array.isArray(value) ? Number(key) : key]),
  ])
}

const BIDI = /[\u202a-\u202e\u2066-\u2069]/

function checkBase({ base }: Recipe): Issue[] {
  if (base.kind !== 'debian') return []
  const components = base.components ?? []
  const at = components.indexOf('non-free-firmware')
  return [
    ...duplicates(components, (i) => ['base', 'components', i]),
    ...(base.suite === 'bullseye' && at >= 0
      ? [issue(['base', 'components', at], 'non-free-firmware', 'is there from bookworm on: take non-free')]
      : []),
  ]
}

function checkArchives({ archives, base }: Recipe): Issue[] {
  const names = archives.map(({ url, suite }) => `${archiveName(url)} ${suite}`)
  return [
    ...(base.kind === 'recipe' && archives.length > 0
      ? [issue(['archives'], names, 'must be those of the recipe that this one stands on: name them there')]
      : []),
    ...duplicates(names, (i) => ['archives', i]),
    ...archives.flatMap(({ suite, components, key }, i) => {
      const isFlat = suite.endsWith('/')
      const place = ['archives', i, 'components']
      return [
        ...(isFlat && components.length > 0
          ? [issue(place, components, 'must be left out: a suite that ends in "/" is flat')]
          : []),
        ...(!isFlat && components.length === 0
          ? [
              issue(
                place,
                components,
                `must name a component; a flat archive's suite ends in "/": "${suite}/"`,
              ),
            ]
          : []),
        ...duplicates(components, (j) => [...place, j]),
        ...((key.file === undefined) === (key.url === undefined)
          ? [issue(['archives', i, 'key'], key, 'must have either a file or a url')]
          : []),
      ]
    }),
  ]
}

/** A package stands once in a step, and never with two versions in a recipe. */
function checkApt(recipe: Recipe): Issue[] {
  const versions = new Map<string, { version: string; step: number }>()
  return recipe.steps.flatMap((step, i) => {
    if (step.kind !== 'apt') return []
    return step.packages.flatMap((request, j) => {
      const { name, version = '' } = parseAptRequest(request)
      const known = versions.get(name)
      if (known === undefined || (version !== '' && known.version === ''))
        versions.set(name, { version, step: i })
      if (known?.step === i) return [issue(['steps', i, 'packages', j], request, `names "${name}" again`)]
      if (!known?.version || version === '' || version === known.version) return []
      return [
        issue(
          ['steps', i, 'packages', j],
          request,
          `has another version in steps[${known.step}]: "${known.version}"`,
        ),
      ]
    })
  })
}

function checkPip(recipe: Recipe): Issue[] {
  return recipe.steps.flatMap((step, i) => {
    if (step.kind !== 'pip') return []
    const names = step.requirements.map(requirementName)
    // markers may tell apart what is asked for twice
    const always = step.requirements.map((text, j) => (parseRequirement(text)?.marker ? `${j}` : names[j]))
    return [
      ...duplicates(always as string[], (j) => ['steps', i, 'requirements', j]),
      ...Object.keys(step.indexes ?? {})
        .filter((name) => !names.includes(name))
        .map((name) => issue(['steps', i, 'indexes', name], name, 'is not among the requirements')),
      ...[...step.requirements, ...(step.constraints ?? [])].flatMap((text) => {
        const { name = '', url } = parseRequirement(text) ?? {}
        return url !== undefined && Object.hasOwn(step.indexes ?? {}, name)
          ? [issue(['steps', i, 'indexes', name], text, 'has an address: an index of its own is too much')]
          : []
      }),
      ...Object.entries(step.sdists).flatMap(([name, requirements]) =>
        duplicates(requirements.map(requirementName), (j) => ['steps', i, 'sdists', name, j]),
      ),
    ]
  })
}

/** What lies where in the image: nothing hides or overwrites another. */
function checkPlaces(recipe: Recipe): Issue[] {
  const issues: Issue[] = []
  const projects = recipe.steps.flatMap((step, i) =>
    step.kind === 'project' || step.kind === 'git' ? [{ to: step.to, path: ['steps', i, 'to'] }] : [],
  )
  const files = recipe.steps.flatMap((step, i) =>
    step.kind === 'file' ? [{ to: step.to, path: ['steps', i, 'to'], unpack: step.unpack }] : [],
  )
  const copies = recipe.steps.flatMap((step, i) =>
    step.kind === 'copy' ? [{ to: step.to, path: ['steps', i, 'to'], from: step.path }] : [],
  )
  for (const { path, from } of copies) {
    if (VANISHING.test(from))
      issues.push(
        issue([...path.slice(0, 2), 'path'], from, 'is a place whose files do not stay in an image'),
      )
  }
  for (const { to, path, unpack } of files)
    if (!unpack && isSystem(to)) issues.push(issue(path, to, 'is a directory of the system'))
  for (const [i, { to, path }] of projects.entries()) {
    if (isSystem(to)) issues.push(issue(path, to, 'is a directory of the system'))
    const earlier = projects.slice(0, i).find((other) => isWithin(to, other.to) || isWithin(other.to, to))
    if (earlier)
      issues.push(issue(path, to, `overlaps ${formatPath(earlier.path)}: ${quoteValue(earlier.to)}`))
    if (recipe.shared !== undefined && isWithin(to, recipe.shared)) {
      issues.push(issue(['shared'], recipe.shared, `would hide ${formatPath(path)}: ${quoteValue(to)}`))
    }
  }
  if (recipe.shared !== undefined && isSystem(recipe.shared)) {
    issues.push(issue(['shared'], recipe.shared, 'is a directory of the system'))
  }
  for (const [i, volume] of recipe.volumes.entries()) {
    if (volume === '/') issues.push(issue(['volumes', i], volume, 'must not be the root'))
  }
  const places: [PropertyKey[], string | undefined][] = [
    ...[...projects, ...files, ...copies].map(({ to, path }): [PropertyKey[], string] => [path, to]),
    ...recipe.volumes.map((volume, i): [PropertyKey[], string] => [['volumes', i], volume]),
    [['user', 'home'], recipe.user?.home],
    [['workdir'], recipe.workdir],
    [['shared'], recipe.shared],
  ]
  for (const [path, place] of places) {
    if (place !== undefined && VANISHING.test(place)) {
      issues.push(issue(path, place, 'is a place whose files do not stay in an image'))
    }
  }
  return issues
}

/** Directories that a base system needs as they are; what lies below /opt, /srv, /home or /mnt is the recipe's. */
const SYSTEM =
  /^\/((bin|sbin|lib|lib64|boot|dev|etc|proc|run|sys|usr|var|tmp|root|home|opt|srv|mnt|media)$|$)/
/** Mounted over when a container runs, or emptied after each step. */
const VANISHING = /^\/(dev|proc|sys|\.stillroom)(\/|$)|^\/(tmp|var\/tmp|run|var\/run)\//
const isSystem = (path: string) => SYSTEM.test(path)

function isWithin(path: string, directory: string): boolean {
  return path === directory || path.startsWith(directory === '/' ? '/' : `${directory}/`)
}

/** Accounts of Debian's base-passwd, and apt's. */
const BASE_ACCOUNTS = new Map([
  ...['daemon', 'bin', 'sys', 'sync', 'games', 'man', 'lp', 'mail', 'news', 'uucp'].map(
    (name, i) => [name, i + 1] as const,
  ),
  ['root', 0],
  ['proxy', 13],
  ['www-data', 33],
  ['backup', 34],
  ['list', 38],
  ['irc', 39],
  ['gnats', 41],
  ['_apt', 42],
  ['nobody', 65534],
] as const)

function checkUser({ user }: Recipe): Issue[] {
  if (user === undefined) return []
  const taken = [...BASE_ACCOUNTS].find(([, uid]) => uid === user.uid)?.[0]
  return [
    ...(BASE_ACCOUNTS.has(user.name)
      ? [issue(['user', 'name'], user.name, 'is an account of the base system')]
      : []),
    ...(taken === undefined
      ? []
      : [issue(['user', 'uid'], user.uid, `is taken by "${taken}" of the base system`)]),
    ...(isSystem(user.home) ? [issue(['user', 'home'], user.home, 'is a directory of the system')] : []),
  ]
}

function checkPorts({ expose }: Recipe): Issue[] {
  const issues = expose.flatMap((port, i) => {
    const [first = 0, last = first] = (port.split('/')[0] ?? '').split('-').map(Number)
    if (Math.max(first, last) > 65_535) return [issue(['expose', i], port, 'must not be above 65535')]
    return first > last ? [issue(['expose', i], port, 'must begin with the lower port')] : []
  })
  return [...issues, ...duplicates(expose, (i) => ['expose', i])]
}

/** A port of the machine leads to one place. */
function checkTasks({ tasks }: Recipe): Issue[] {
  return Object.entries(tasks).flatMap(([name, { ports }]) => {
    const taken = new Set<string>()
    return ports.flatMap((text, i) => {
      const places = (parsePublished(text) ?? [])
        .filter(({ host }) => host !== 0)
        .map(({ address, host, protocol }) => `${formatAddress(address, host)}/${protocol}`)
      const twice = places.find((place) => taken.has(place))
      for (const place of places) taken.add(place)
      return twice === undefined
        ? []
        : [issue(['tasks', name, 'ports', i], text, `takes ${twice} of the machine again`)]
    })
  })
}

/** A command's first word names a program. */
function checkPrograms(recipe: Recipe): Issue[] {
  const commands: [PropertyKey[], readonly string[] | string | undefined][] = [
    ...recipe.steps.map((step, i): [PropertyKey[], readonly string[] | string | undefined] => [
      ['steps', i, 'command'],
      step.kind === 'run' ? step.command : undefined,
    ]),
    [['entrypoint'], recipe.entrypoint],
    [['cmd'], recipe.entrypoint === undefined || recipe.entrypoint.length === 0 ? recipe.cmd : undefined],
    ...recipe.checks.map(({ command }, i): [PropertyKey[], string[]] => [['checks', i, 'command'], command]),
    ...Object.entries(recipe.tasks).map(([name, { command }]): [PropertyKey[], string[]] => [
      ['tasks', name, 'command'],
      command,
    ]),
  ]
  return commands
    .filter(([, command]) => Array.isArray(command) && command[0] === '')
    .map(([path]) => issue([...path, 0], '', 'must name a program'))
}

function duplicates(values: readonly string[], path: (index: number) => PropertyKey[]): Issue[] {
  return values.flatMap((value, i) =>
    values.indexOf(value) < i ? [issue(path(i), value, 'is there twice')] : [],
  )
}

function issue(path: PropertyKey[], value: unknown, reason: string): Issue {
  return { path: formatPath(path), value: quoteValue(value), reason }
}
