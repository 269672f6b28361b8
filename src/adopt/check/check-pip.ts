import { parseRequirement, withoutHashes } from '../../formats/python/requirement.ts'
import { parseRequirementsFile } from '../../formats/python/requirements-file.ts'
import { type Argument, type RunCommand, readArguments } from '../run-commands.ts'
import { FULL_COMMIT } from './check-downloads.ts'
import type { Add, RunContext } from './run-context.ts'

const VALUED = new Set([
  ...[
    '-r',
    '-c',
    '-i',
    '-f',
    '-t',
    '-e',
    '-C',
    '-p',
    '-w',
    '--wheel-dir',
    '--requirement',
    '--requirements',
    '--constraint',
    '--constraints',
  ],
  ...[
    '--index-url',
    '--extra-index-url',
    '--default-index',
    '--index',
    '--find-links',
    '--target',
    '--editable',
  ],
  ...[
    '--prefix',
    '--root',
    '--src',
    '--timeout',
    '--retries',
    '--cache-dir',
    '--platform',
    '--python-version',
  ],
  ...['--implementation', '--abi', '--progress-bar', '--upgrade-strategy', '--no-binary', '--only-binary'],
  ...['--global-option', '--install-option', '--config-settings', '--config-setting', '--proxy', '--cert'],
  ...[
    '--client-cert',
    '--trusted-host',
    '--log',
    '--exists-action',
    '--report',
    '--python',
    '--build-option',
  ],
  ...[
    '--root-user-action',
    '--use-feature',
    '--use-deprecated',
    '--index-strategy',
    '--prerelease',
    '--resolution',
  ],
  ...[
    '--no-build-isolation-package',
    '--override',
    '--extra',
    '--group',
    '--link-mode',
    '--keyring-provider',
  ],
  ...['--with', '--exclude-newer'],
])

/** What `pip install`, `uv pip install`, or a tool alike is asked for; undefined for any other command. */
export function pipCall({ program, args }: RunCommand) {
  const words = args.map(({ value }) => value)
  const isPip = /^pip(\d+(\.\d+)?)?$/.test(program)
  const skip = isPip ? 0 : program === 'uv' && words[0] === 'pip' ? 1 : undefined
  if (skip === undefined) return undefined
  const { options, positional } = readArguments(args.slice(skip), VALUED)
  const [verb, ...requirements] = positional
  if (!['install', 'wheel', 'download', 'sync'].includes(verb?.value ?? '')) return undefined
  const get = (...names: string[]) => names.flatMap((name) => options.get(name) ?? [])
  const has = (...names: string[]) => names.some((name) => options.has(name))
  const files = [
    ...get('-r', '--requirement', '--requirements'),
    ...(verb?.value === 'sync' ? requirements : []),
  ]
  return {
    verb: verb?.value ?? '',
    requirements: verb?.value === 'sync' ? [] : requirements,
    editable: get('-e', '--editable'),
    files,
    get,
    has,
    tool: isPip ? 'pip' : 'uv',
  }
}

/** Python packages, and pip's cache. */
export function checkPip(context: RunContext, add: Add): void {
  const { commands, variables, isInImage, mounts, removes } = context
  for (const command of commands) {
    const old = oldInstall(command)
    if (old !== undefined)
      add(
        'pip-unpinned',
        command.at,
        `what "${old}" requires is looked up on the day of the build`,
        'pip install --no-deps ., after pip install --require-hashes -r <locked requirements>',
      )
    const call = pipCall(command)
    if (call === undefined) continue
    const { has } = call
    const isOffline = has('--no-index')
    if (!isOffline) checkRequirements(command, call, context, add)
    const noCache = variables.get(call.tool === 'pip' ? 'PIP_NO_CACHE_DIR' : 'UV_NO_CACHE')
    const isOff =
      has('--no-cache-dir', '--no-cache', '-n') ||
      (variables.has(call.tool === 'pip' ? 'PIP_NO_CACHE_DIR' : 'UV_NO_CACHE') && noCache !== '')
    const purges = commands.some(
      ({ program, args }) => /^(pip[\d.]*|uv)$/.test(program) && args[0]?.value === 'cache',
    )
    const isMounted = mounts.some((target) => /\.cache|^\/root$|pip|uv/.test(target))
    if (
      isInImage &&
      !isOffline &&
      !isOff &&
      !purges &&
      !isMounted &&
      !removes('/root/.cache/pip') &&
      !removes('~/.cache/pip') &&
      !removes('$HOME/.cache/pip')
    )
      add(
        'cache-kept',
        command.at,
        `the cache of ${call.tool} stays in the layer: it has the times and answers of the day of the build`,
        call.tool === 'pip' ? 'pip install --no-cache-dir' : 'uv pip install --no-cache',
      )
  }
}

/** `python setup.py install` and `easy_install`. */
function oldInstall({ program, args }: RunCommand): string | undefined {
  if (program === 'easy_install') return program
  const [script, verb] = args.map(({ value }) => value ?? '')
  const isOld =
    /^python[\d.]*$/.test(program) &&
    /(^|\/)setup\.py$/.test(script ?? '') &&
    /^(install|develop)$/.test(verb ?? '')
  return isOld ? `${script} ${verb}` : undefined
}

function checkRequirements(
  command: RunCommand,
  call: NonNullable<ReturnType<typeof pipCall>>,
  { contextFile }: RunContext,
  add: Add,
): void {
  const { requirements, editable, files, get, has } = call
  const open: Argument[] = []
  let isHashed = has('--require-hashes')
  let named = 0
  const noDependencies = has('--no-deps')
  const limits = get('-c', '--constraint', '--constraints').flatMap(
    (file) => linesOf(file, contextFile, add) ?? [],
  )
  const held = new Set(
    limits.filter((line) => stateOf(line) === 'exact').map((line) => parseRequirement(line)?.name),
  )
  for (const word of [...requirements, ...editable]) {
    const text = word.value ?? word.text
    const state = stateOf(text)
    if (state === 'moving')
      add(
        'git-moving',
        word.at,
        `"${text}" is whatever its branch or tag is on the day of the build`,
        text.replace(/(@[^@/#]*)?(#.*)?$/, '@<commit>$2'),
      )
    else if (
      (state === 'open' && !held.has(parseRequirement(text)?.name)) ||
      (state === 'local' && !noDependencies && !/\.whl$/.test(text))
    )
      open.push(word)
    if (state === 'exact' || (state === 'open' && held.has(parseRequirement(text)?.name))) named += 1
  }
  for (const file of files) {
    const lines = linesOf(file, contextFile, add)
    if (lines === undefined) continue
    const loose = lines.filter(
      (line) => stateOf(withoutHashes(line)) === 'open' && !held.has(parseRequirement(line)?.name),
    )
    if (loose.length > 0)
      add(
        'pip-unpinned',
        file.at,
        `${file.value} has ${loose.length === 1 ? 'a package' : `${loose.length} packages`} without a version: ${loose.map((line) => parseRequirement(line)?.name ?? line).join(' ')}`,
        'write it with pip-compile --generate-hashes, or uv pip compile --generate-hashes',
      )
    else named += lines.length
    if (lines.length > 0 && lines.every((line) => line.includes('--hash='))) isHashed = true
  }
  const [first] = open
  if (first !== undefined) {
    const names = open.map(({ value, text }) => value ?? text)
    const isProject = open.every((word) => stateOf(word.value ?? word.text) === 'local')
    add(
      'pip-unpinned',
      first.at,
      isProject
        ? `what "${names.join(' ')}" requires is looked up on the day of the build`
        : `${names.length === 1 ? 'a package' : `${names.length} packages`} without a version: ${names.join(' ')}`,
      isProject
        ? `pip install --no-deps ${names.join(' ')}, after pip install --require-hashes -r <locked requirements>`
        : names
            .map((name) =>
              stateOf(name) === 'open' ? `${parseRequirement(name)?.name ?? name}==<version>` : name,
            )
            .join(' '),
    )
  } else if (named > 0 && !isHashed && !noDependencies) {
    add(
      'pip-unhashed',
      command.at,
      'versions are named, but not what these packages require, nor the files',
      'pip install --require-hashes -r <requirements with all hashes>',
    )
  }
}

/** Requirements of a file and of those that it names; a finding where one cannot be read. */
function linesOf(file: Argument, contextFile: RunContext['contextFile'], add: Add): string[] | undefined {
  const read = (path: string, depth: number): string[] | undefined => {
    const text = depth > 5 ? undefined : contextFile(path)
    if (text === undefined) return undefined
    const { requirements, includes } = parseRequirementsFile(text)
    const directory = path.includes('/') ? path.slice(0, path.lastIndexOf('/') + 1) : ''
    const below = includes
      .filter(({ kind }) => kind === 'requirements')
      .map((each) => read(`${directory}${each.path}`, depth + 1))
    return below.includes(undefined) ? undefined : [...requirements, ...below.flatMap((lines) => lines ?? [])]
  }
  const lines = file.value === undefined ? undefined : read(file.value, 0)
  if (lines === undefined)
    add(
      'unread',
      file.at,
      `"${file.value ?? file.text}", or a file that it names, is not in the build context, so whether it pins what is installed cannot be seen`,
      'name the build context: --context DIR',
    )
  return lines
}

/** `exact` is one version or file, `local` something of the image or the context. */
function stateOf(text: string): 'exact' | 'open' | 'local' | 'moving' {
  const url = parseRequirement(text)?.url ?? (/^(git|hg|svn|bzr)\+|^https?:/.test(text) ? text : undefined)
  if (url !== undefined) {
    if (/^(git|hg|svn|bzr)\+/.test(url))
      return FULL_COMMIT.test(/@([^@/#]+)(#.*)?$/.exec(url)?.[1] ?? '') || hasCommitVariable(url)
        ? 'exact'
        : 'moving'
    return /#.*sha(256|384|512)=/.test(url) ? 'exact' : 'open'
  }
  if (/^(\.|\/|~)|\.(whl|zip|tar\.gz)(\[.*\])?$/.test(text)) return 'local'
  const specifiers = parseRequirement(text)?.specifiers
  if (specifiers === undefined)
    return /===?\s*["']?\$/.test(text) || /^\$.*(VERSION|SPEC)/i.test(text) ? 'exact' : 'open'
  return /(^|,)===?[^*,]+$/.test(specifiers) ? 'exact' : 'open'
}

const hasCommitVariable = (url: string) => /@\$\{?\w*(COMMIT|SHA|REV|HASH)\w*\}?(#.*)?$/i.test(url)
