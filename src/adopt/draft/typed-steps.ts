import { parseRequirement } from '../../formats/python/requirement.ts'
import { aptCall } from '../check/check-apt.ts'
import { fetchedUrls, gitCall } from '../check/check-downloads.ts'
import { pipCall } from '../check/check-pip.ts'
import { resolvePath } from '../copied-files.ts'
import { type Argument, type RunCommand, readArguments } from '../run-commands.ts'
import type { StepDraft } from './recipe-draft.ts'

/** What a command becomes: a step; nothing, as a build does it anyway; `undefined` leaves it as it is. */
export type Typed =
  | { step: StepDraft; before?: StepDraft[]; notes?: string[] }
  | { nothing: string }
  | undefined

/** All values of arguments; undefined when one is not known. */
function valuesOf(args: readonly Argument[]): string[] | undefined {
  const values = args.map(({ value }) => value)
  return values.every((value) => value !== undefined) ? values : undefined
}

const APT_OPTIONS =
  /^(-y|-q|-f|-m|--yes|--assume-yes|--quiet|--no-install-recommends|--install-recommends|--allow-unauthenticated|--fix-missing|--fix-broken|--no-install-suggests|-o|--option|--allow-downgrades|--allow-change-held-packages|--force-yes|--show-progress|-V|-u|--without-recommends|-R)$/

/** `apt-get`, `apt` and `aptitude`. */
export function typedApt(command: RunCommand): Typed {
  const call = aptCall(command)
  if (call === undefined) return undefined
  const { verb, words, options } = call
  if (/^(update|clean|autoclean|check)$/.test(verb)) return { nothing: '' }
  if (/^((dist|full|safe)-)?upgrade$/.test(verb))
    return { nothing: 'an upgrade is not needed: locking takes the newest of the suite and its updates' }
  if (/^auto-?remove$/.test(verb)) return { nothing: '' }
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
  if (call === undefined || call.verb !== 'install') return undefined
  const { args } = command
  const { options } = readArguments(call.tool === 'uv' ? args.slice(1) : args, PIP_VALUED)
  if (![...options.keys()].every((name) => PIP_IGNORED.has(name) || PIP_READ.has(name))) return undefined
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
  const notes =
    requirements.length < named.length ? ['the pip of the image installs, and is not replaced'] : []
  if (requirements.length + local.length + paths.length === 0) return { nothing: notes.join('') }
  return {
    step: {
      ...{ kind: 'pip', requirements, files: paths as string[], constraints: [] },
      ...{ constraintFiles: limits as string[], index, local },
    },
    before: repositories.flatMap((found) => (found === undefined ? [] : [found.step])),
    notes,
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
    '--timeout',
    '--retries',
    '--progress-bar',
    '--root-user-action',
  ],
  ...['--default-timeout', '--upgrade-strategy', '--cache-dir', '--trusted-host'],
])
const isLocal = (text: string) => /^(\.|\/)/.test(text) && !/\.(whl|zip|tar\.gz)$/.test(text)

const CLONE_OPTIONS =
  /^(-b|--branch|--depth|-q|--quiet|--recursive|--recurse-submodules|--single-branch|--shallow-submodules|--no-tags|--progress|-j|--jobs|--filter|-c|--config)$/

/** `git clone`; which commit, a later `git checkout` says. */
export function typedClone(command: RunCommand, cwd: string): Typed {
  const call = gitCall(command)
  if (call?.verb !== 'clone' || ![...call.options.keys()].every((name) => CLONE_OPTIONS.test(name)))
    return undefined
  const [url, to, ...more] = valuesOf(call.words) ?? []
  if (url === undefined || more.length > 0) return undefined
  const branches = [...(call.options.get('-b') ?? []), ...(call.options.get('--branch') ?? [])]
  const [ref] = valuesOf(branches) ?? []
  if (branches.length > 0 && ref === undefined) return undefined
  const name = url
    .replace(/\/+$/, '')
    .replace(/^.*[/:]/, '')
    .replace(/\.git$/, '')
  return {
    step: {
      ...{ kind: 'git', url, ref: ref ?? 'HEAD', to: resolvePath(cwd, to ?? name) },
      submodules: call.options.has('--recursive') || call.options.has('--recurse-submodules'),
    },
  }
}

/** `git checkout REF` in a directory that an earlier `git clone` made: the directory and the ref. */
export function checkoutOf(
  command: RunCommand,
  cwd: string,
): { directory: string; ref?: string; submodules?: true } | undefined {
  const call = gitCall(command)
  if (call === undefined) return undefined
  const { verb, words, options } = call
  const [place] = valuesOf(options.get('-C') ?? []) ?? []
  const directory = resolvePath(cwd, place ?? '.')
  if (verb === 'submodule' && words[0]?.value === 'update' && !options.has('--remote'))
    return { directory, submodules: true }
  const known = ['-C', '-q', '--quiet', '-f', '--force', '--hard', '--detach', '-d']
  const [ref, ...more] = valuesOf(words) ?? []
  if (!['checkout', 'switch', 'reset'].includes(verb) || ref === undefined || more.length > 0)
    return undefined
  return [...options.keys()].every((name) => known.includes(name)) ? { directory, ref } : undefined
}

const FETCH_FLAGS =
  /^-[a-zA-Z]$|^--(fail|silent|show-error|location|quiet|progress|show-progress|no-verbose|no-progress-meter|compressed|tlsv1\.2|retry|retry-delay|retry-connrefused|retry-all-errors|proto|connect-timeout|max-time|tries|timeout|no-check-certificate|ssl-no-revoke|output|remote-name|remote-header-name|output-document|progress-bar|create-dirs|continue|continue-at)$/
const FETCH_VALUED: Record<string, Set<string>> = {
  curl: new Set([
    '-o',
    '--output',
    '--retry',
    '--retry-delay',
    '--proto',
    '--connect-timeout',
    '--max-time',
    '-m',
    '-C',
    '--continue-at',
  ]),
  wget: new Set(['-O', '--output-document', '-P', '--directory-prefix', '--tries', '-t', '--timeout', '-T']),
}
const FETCH_UNTYPED: Record<string, RegExp> = { curl: /^-[HdXuFAeTxIkGb]$/, wget: /^-[rmpkiNUe]$/ }

/** One address that is fetched by `curl` or `wget`, and where it is written; `-` is standard output. */
export function fetchOf(command: RunCommand, cwd: string): { url: string; to: string } | undefined {
  const valued = FETCH_VALUED[command.program]
  const untyped = FETCH_UNTYPED[command.program]
  if (valued === undefined || untyped === undefined) return undefined
  const { options, positional } = readArguments(command.args, valued)
  const [url, ...more] = valuesOf(positional) ?? []
  if (url === undefined || more.length > 0 || fetchedUrls(command).length !== 1) return undefined
  const names = [...options.keys()]
  if (!names.every((name) => FETCH_FLAGS.test(name)) || names.some((name) => untyped.test(name)))
    return undefined
  const base = url.replace(/[?#].*$/, '').replace(/^.*\//, '')
  const isCurl = command.program === 'curl'
  const given = valuesOf([
    ...(options.get(isCurl ? '-o' : '-O') ?? []),
    ...(options.get(isCurl ? '--output' : '--output-document') ?? []),
  ])
  if (given === undefined || given.length > 1) return undefined
  const directory =
    valuesOf([...(options.get('-P') ?? []), ...(options.get('--directory-prefix') ?? [])])?.[0] ?? '.'
  const written = command.redirects.filter(({ operator }) => operator === '>')
  const [target] = given.length > 0 ? given : written.map(({ target: file }) => file?.value)
  if (command.redirects.length > written.length || written.length > 1) return undefined
  if (target === '-') return { url, to: '-' }
  if (target !== undefined) return { url, to: resolvePath(cwd, target) }
  const isNamed = isCurl ? options.has('-O') || options.has('--remote-name') : true
  if (!isNamed) return { url, to: '-' }
  return base === '' ? undefined : { url, to: resolvePath(resolvePath(cwd, directory), base) }
}

/** `tar -xzf FILE -C DIRECTORY`, also of standard input. */
export function unpackOf(
  command: RunCommand,
  cwd: string,
): { file: string; to: string; strip: number } | undefined {
  const { program, args, redirects } = command
  if (redirects.length > 0) return undefined
  if (program === 'unzip') {
    const { options, positional } = readArguments(args, new Set(['-d']))
    const [file, ...more] = valuesOf(positional) ?? []
    const [to] = valuesOf(options.get('-d') ?? []) ?? []
    if (file === undefined || more.length > 0 || ![...options.keys()].every((name) => /^-[qod]$/.test(name)))
      return undefined
    return { file: resolvePath(cwd, file), to: resolvePath(cwd, to ?? '.'), strip: 0 }
  }
  if (program !== 'tar') return undefined
  // the old form: letters without a dash, of which `f` takes the next word
  const [first, ...rest] = args
  const isOld = /^[a-zA-Z]+$/.test(first?.value ?? '')
  const words =
    isOld && first ? [{ ...first, text: `-${first.text}`, value: `-${first.value}` }, ...rest] : args
  const { options, positional } = readArguments(
    words,
    new Set(['-f', '-C', '--file', '--directory', '--strip-components', '--strip']),
  )
  const isExtract = options.has('-x') || options.has('--extract')
  const known =
    /^(-[xvzjJfCp]|--(extract|file|directory|strip-components|strip|gzip|xz|bzip2|no-same-owner|verbose))$/
  if (!isExtract || positional.length > 0 || ![...options.keys()].every((name) => known.test(name)))
    return undefined
  const value = (...names: string[]) => valuesOf(names.flatMap((name) => options.get(name) ?? []))?.[0]
  const file = value('-f', '--file') ?? '-'
  const strip = Number(value('--strip-components', '--strip') ?? 0)
  if (!Number.isInteger(strip) || strip < 0 || strip > 20) return undefined
  return {
    file: file === '-' ? '-' : resolvePath(cwd, file),
    to: resolvePath(cwd, value('-C', '--directory') ?? '.'),
    strip,
  }
}

/** The sum and the file of `echo "SUM  FILE" | sha256sum -c`. */
export function sumOf(
  pipeline: readonly RunCommand[],
  cwd: string,
): { sha256: string; file: string } | undefined {
  const [says, sums, ...more] = pipeline
  if (more.length > 0 || !['echo', 'printf'].includes(says?.program ?? '') || sums?.program !== 'sha256sum')
    return undefined
  const text = says?.args
    .map(({ value }) => value ?? '')
    .filter((word) => !/^-[ne]$/.test(word))
    .join(' ')
    .replace(/\\n$/, '')
  const [, sha256, file] = /^([0-9a-fA-F]{64})\s+\*?(\S+)\s*$/.exec(text ?? '') ?? []
  return sha256 === undefined || file === undefined
    ? undefined
    : { sha256: sha256.toLowerCase(), file: resolvePath(cwd, file) }
}

/** An account that `useradd` or `adduser` makes. */
export function accountOf(
  command: RunCommand,
): { name: string; uid: number; home: string; shell: string; more: string[] } | undefined {
  const { program, args } = command
  if (program !== 'useradd' && program !== 'adduser') return undefined
  const valued = new Set([
    '-u',
    '-d',
    '-s',
    '-g',
    '-G',
    '-c',
    '-k',
    '--uid',
    '--home',
    '--home-dir',
    '--shell',
    '--gid',
    '--groups',
    '--gecos',
    '--comment',
    '--ingroup',
    '--disabled-login-shell',
  ])
  const { options, positional } = readArguments(args, valued)
  const [name, ...rest] = valuesOf(positional) ?? []
  if (name === undefined || rest.length > 0) return undefined
  const known =
    /^(-[udsgGcmMrlUNo]|--(uid|home|home-dir|shell|gid|groups|gecos|comment|create-home|no-create-home|system|disabled-password|disabled-login|user-group|group|ingroup|no-user-group|no-log-init|quiet|force-badname))$/
  if (![...options.keys()].every((option) => known.test(option))) return undefined
  const value = (...names: string[]) => valuesOf(names.flatMap((option) => options.get(option) ?? []))?.[0]
  const isSystem = options.has('-r') || options.has('--system')
  const uid = value('-u', '--uid')
  if (uid !== undefined && !/^\d+$/.test(uid)) return undefined
  const groups = value('-G', '--groups')
  return {
    name,
    uid: Number(uid ?? (isSystem ? 999 : 1000)),
    home: value('-d', '--home', '--home-dir') ?? `/home/${name}`,
    shell: value('-s', '--shell') ?? (program === 'useradd' ? '/bin/sh' : '/bin/bash'),
    more: groups === undefined ? [] : [`usermod -aG ${groups} ${name}`],
  }
}
