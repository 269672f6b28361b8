import { fetchedUrls, gitCall } from '../check/check-downloads.ts'
import { resolvePath } from '../copied-files.ts'
import { type RunCommand, readArguments, valuesOf } from '../run-commands.ts'
import type { Typed } from './typed-packages.ts'

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
const FETCH_VALUED = {
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
const FETCH_UNTYPED = { curl: /^-[HdXuFAeTxIkGb]$/, wget: /^-[rmpkiNUe]$/ }

/** One address that is fetched by `curl` or `wget`, and where it is written; `-` is standard output. */
export function fetchOf(command: RunCommand, cwd: string): { url: string; to: string } | undefined {
  const { program } = command
  if (program !== 'curl' && program !== 'wget') return undefined
  const untyped = FETCH_UNTYPED[program]
  const { options, positional } = readArguments(command.args, FETCH_VALUED[program])
  const [url, ...more] = valuesOf(positional) ?? []
  if (url === undefined || more.length > 0 || fetchedUrls(command).length !== 1) return undefined
  const names = [...options.keys()]
  if (!names.every((name) => FETCH_FLAGS.test(name)) || names.some((name) => untyped.test(name)))
    return undefined
  const base = url.replace(/[?#].*$/, '').replace(/^.*\//, '')
  const isCurl = program === 'curl'
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
