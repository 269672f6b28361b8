import { parseRequirement } from '../../formats/python/requirement.ts'
import { aptCall } from '../check/check-apt.ts'
import { pipCall } from '../check/check-pip.ts'
import { resolvePath } from '../copied-files.ts'
import { type RunCommand, readArguments, valuesOf } from '../run-commands.ts'
import { installsFiles } from './network.ts'
import type { StepDraft } from './recipe-draft.ts'

/** What a command becomes: a step; nothing, as a build does it anyway; `undefined` leaves it as it is. */
export type Typed =
  | {
      step: StepDraft
      before?: StepDraft[]
      notes?: string[]
      /** Of pip: the directory that packages were to go to instead of the system's. */
      elsewhere?: string
      /** Of `pip wheel`: the directory that gets the wheels. */
      wheels?: string
    }
  | { nothing: string }
  | undefined

const APT_OPTIONS =
  /^(-y|-q|-f|-m|--yes|--assume-yes|--quiet|--no-install-recommends|--install-recommends|--allow-unauthenticated|--fix-missing|--fix-broken|--no-install-suggests|-o|--option|--allow-downgrades|--allow-change-held-packages|--force-yes|--show-progress|-V|-u|--without-recommends|-R)$/

/** What apt cannot fetch in a build. */
export const NOT_FETCHED = 'what the package depends on must be there: name it in an apt step before'

/** Why packages that a Dockerfile takes away again stay. */
export const NOT_PURGED =
  'packages are not purged, as a build wants to find those of the lock: to leave out what only the build needs, take what was made from a recipe of its own by copy()'

/** `apt-get`, `apt` and `aptitude`. */
export function typedApt(command: RunCommand): Typed {
  const call = aptCall(command)
  if (call === undefined) return undefined
  const { verb, words, options } = call
  if (/^(update|clean|autoclean|check)$/.test(verb)) return { nothing: '' }
  if (/^((dist|full|safe)-)?upgrade$/.test(verb))
    return { nothing: 'an upgrade is not needed: locking takes the newest of the suite and its updates' }
  if (/^auto-?remove$/.test(verb)) return { nothing: '' }
  if (/^(purge|remove)$/.test(verb)) return { nothing: NOT_PURGED }
  if (installsFiles(command)) return undefined
  if (verb !== 'install' || ![...options.keys()].every((name) => APT_OPTIONS.test(name))) return undefined
  const packages = valuesOf(words)
  if (packages === undefined || packages.length === 0) return undefined
  const settings = [...(options.get('-o') ?? []), ...(options.get('--option') ?? [])].map(
    ({ value }) => value ?? '',
  )
  const isOff =
    ['--no-install-recommends', '--without-recommends', '-R'].some((name) => options.has(name)) ||
    settings.some((text) => /Install-Recommends["']?=["']?(0|no|false)/i.test(text))
  const notes: string[] = []
  const kept = packages.map((word) => {
    const loose = /^([^=]+)=.*[*?]/.exec(word)?.[1]
    if (loose !== undefined) notes.push(`${word} is a pattern: the lock pins one version of ${loose}`)
    return loose ?? word
  })
  return { step: { kind: 'apt', packages: [...new Set(kept)], recommends: !isOff }, notes }
}

const PIP_IGNORED = new Set([
  ...[
    '--no-cache-dir',
    '--no-cache',
    '-q',
    '--quiet',
    '-U',
    '--upgrade',
    '--no-input',
    '--disable-pip-version-check',
    '-v',
  ],
  ...[
    '--root-user-action',
    '--break-system-packages',
    '--progress-bar',
    '--timeout',
    '--retries',
    '--prefer-binary',
  ],
  ...[
    '--system',
    '--require-hashes',
    '-y',
    '--default-timeout',
    '--upgrade-strategy',
    '--no-python-version-warning',
    '--compile',
    '--no-compile',
    '--no-warn-script-location',
    '--ignore-installed',
    '-I',
  ],
])
const PIP_READ = new Set([
  '-r',
  '--requirement',
  '--requirements',
  '-c',
  '--constraint',
  '--constraints',
  '-i',
  '--index-url',
  '--default-index',
  '-e',
  '--editable',
])

/** Where packages or wheels go. */
const PLACES = new Set(['--user', '--prefix', '--target', '-t', '-w', '--wheel-dir'])

/**
 * `pip`, `python -m pip` and `uv pip`.
 *
 * @param fileOf the path beside the recipe of a file of the image that came from the build context
 * @param isPlaced whether an earlier step places a directory of the image
 */
export function typedPip(
  command: RunCommand,
  cwd: string,
  fileOf: (path: string) => string | undefined,
  isPlaced: (path: string) => boolean,
): Typed {
  if (!/^(\/usr(\/local)?\/bin\/)?[^/]+$/.test(command.path)) return undefined
  const synced = syncedByUv(command, cwd, fileOf)
  if (synced !== undefined) return synced
  const call = pipCall(command)
  if (call === undefined || !['install', 'wheel'].includes(call.verb)) return undefined
  const { args } = command
  const { options } = readArguments(call.tool === 'uv' ? args.slice(1) : args, PIP_VALUED)
  if (
    ![...options.keys()].every(
      (name) => PIP_IGNORED.has(name) || PIP_READ.has(name) || PLACES.has(name) || name === '--no-deps',
    )
  )
    return undefined
  const words = valuesOf(call.requirements)
  const editable = valuesOf(call.editable)
  const files = valuesOf(call.files)
  const constraints = valuesOf(call.get('-c', '--constraint', '--constraints'))
  const [index] = valuesOf(call.get('-i', '--index-url', '--default-index')) ?? []
  if (words === undefined || editable === undefined || files === undefined || constraints === undefined)
    return undefined
  const local = [
    ...words.filter(isLocal).map((text) => ({ text, editable: false })),
    ...editable.map((text) => ({ text, editable: true })),
  ].map(({ text, editable: isEditable }) => {
    const [, path = text, extras = ''] = /^(.*?)(?:\[([^\]]*)\])?$/.exec(text) ?? []
    return {
      path: resolvePath(cwd, path),
      editable: isEditable,
      extras: extras
        .split(',')
        .map((extra) => extra.trim())
        .filter(Boolean),
    }
  })
  if (local.some(({ path }) => !isPlaced(path))) return undefined
  const paths = files.map((path) => fileOf(resolvePath(cwd, path)))
  const limits = constraints.map((path) => fileOf(resolvePath(cwd, path)))
  if (paths.includes(undefined) || limits.includes(undefined)) return undefined
  const repositories = words.map(repositoryOf)
  for (const found of repositories) if (found !== undefined) local.push(found.local)
  const named = words.filter((text, i) => !isLocal(text) && repositories[i] === undefined)
  const requirements = named.filter((text) => parseRequirement(text)?.name !== 'pip')
  const isBare = options.has('--no-deps') && call.verb === 'install'
  if (isBare && (local.length === 0 || requirements.length + paths.length > 0)) return undefined
  const notes = [
    ...(requirements.length < named.length ? ['the pip of the image installs, and is not replaced'] : []),
    ...(isBare ? ['what it requires is installed, too, where no step before it did'] : []),
  ]
  if (requirements.length + local.length + paths.length === 0) return { nothing: notes.join('') }
  const [place] = valuesOf(call.get('--prefix', '--target', '-t')) ?? []
  const elsewhere = options.has('--user') ? '/root/.local' : place && resolvePath(cwd, place)
  const [directory = '.'] = valuesOf(call.get('-w', '--wheel-dir')) ?? []
  const isWheel = call.verb === 'wheel'
  if (isWheel !== (options.has('-w') || options.has('--wheel-dir')) || (isWheel && local.length > 0))
    return undefined
  return {
    step: {
      ...{ kind: 'pip', requirements, files: paths as string[], constraints: [] },
      ...{ constraintFiles: limits as string[], index, local },
    },
    before: repositories.flatMap((found) => (found === undefined ? [] : [found.step])),
    notes,
    ...(elsewhere === undefined ? {} : { elsewhere }),
    ...(isWheel ? { wheels: resolvePath(cwd, directory) } : {}),
  }
}

/** `uv sync` of a lockfile that COPY brought. */
function syncedByUv(
  { program, args }: RunCommand,
  cwd: string,
  fileOf: (path: string) => string | undefined,
): Typed {
  if (program !== 'uv' || args[0]?.value !== 'sync') return undefined
  const known =
    /^--(locked|frozen|no-dev|no-install-project|no-editable|no-cache|compile-bytecode|no-group=dev)$/
  const path = fileOf(resolvePath(cwd, 'uv.lock'))
  if (path === undefined || !args.slice(1).every(({ value }) => known.test(value ?? ''))) return undefined
  const empty = { requirements: [], constraints: [], constraintFiles: [], index: undefined, local: [] }
  const note =
    'the project itself is not installed, and neither are its groups: requirementsFile() takes { groups }'
  return { step: { kind: 'pip', files: [path], ...empty }, notes: [note] }
}

/** `git+https://...@ref#egg=NAME`, also behind `NAME @`: a step that places the repository, and what pip installs of it. */
function repositoryOf(
  text: string,
): { step: StepDraft; local: { path: string; editable: boolean; extras: string[] } } | undefined {
  const [, before = '', address = ''] =
    /^(?:([\w.-]+(?:\[[\w.,\s-]*\])?)\s*@\s*)?git\+(\S+)$/.exec(text) ?? []
  if (address === '') return undefined
  const [where = '', fragment = ''] = address.split('#')
  const [, url = '', ref = 'HEAD'] = /^((?:[a-z]+:\/\/)(?:[^/]*\/).*?)(?:@([^@/][^@]*))?$/.exec(where) ?? []
  if (url === '') return undefined
  const name = url
    .replace(/\/+$/, '')
    .replace(/^.*\//, '')
    .replace(/\.git$/, '')
  const to = `/usr/local/src/${name}`
  const subdirectory = /(?:^|&)subdirectory=([^&]+)/.exec(fragment)?.[1]
  const extras =
    /\[([^\]]*)\]/
      .exec(before)?.[1]
      ?.split(',')
      .map((extra) => extra.trim()) ?? []
  return {
    step: { kind: 'git', url, ref, to, submodules: true },
    local: { path: resolvePath(to, subdirectory ?? '.'), editable: false, extras },
  }
}

const PIP_VALUED = new Set([
  ...[
    '-r',
    '-c',
    '-i',
    '-e',
    '-f',
    '-t',
    '--requirement',
    '--requirements',
    '--constraint',
    '--constraints',
    '--index-url',
    '--default-index',
  ],
  ...[
    '--editable',
    '--find-links',
    '--extra-index-url',
    '--target',
    '--prefix',
    '-w',
    '--wheel-dir',
    '--timeout',
    '--retries',
    '--progress-bar',
    '--root-user-action',
  ],
  ...['--default-timeout', '--upgrade-strategy', '--cache-dir', '--trusted-host'],
])
const isLocal = (text: string) => /^(\.|\/)/.test(text) && !/\.(whl|zip|tar\.gz)$/.test(text)
