import type { Position } from '../../formats/dockerfile/source-text.ts'
import { parseRequirementsFile } from '../../formats/python/requirements-file.ts'
import { aptCall } from '../check/check-apt.ts'
import { isBelow, resolvePath, sourceOf } from '../copied-files.ts'
import { type RunCommand, readCommands } from '../run-commands.ts'
import { addNote, addStep, type DraftState, noteOnce, shellWord } from './draft-state.ts'
import { accountOf } from './made-account.ts'
import { packagesOfFile } from './packages-file.ts'
import type { StepDraft } from './recipe-draft.ts'
import type { Shell } from './run-shell.ts'
import { flush } from './run-step.ts'
import { type Typed, typedApt, typedPip } from './typed-packages.ts'
import { checkoutOf, fetchOf, sumOf, typedClone, unpackOf } from './typed-sources.ts'

/** Adds the step that a program with its arguments stands for; false when it stands for none. */
export function typedStatement(state: DraftState, shell: Shell, command: RunCommand): boolean {
  const { cwd } = shell
  const typed =
    typedApt(command) ??
    environmentOf(state, command, cwd) ??
    pipOf(state, shell, command) ??
    typedClone(command, cwd) ??
    checkedOut(state, command, cwd) ??
    account(state, command) ??
    cleanUp(state, command, cwd) ??
    hostKeys(command)
  return typed !== undefined && addTyped(state, shell, typed, command.at)
}

/** The same of a statement in which apt installs what a file of the build context names. */
export function typedPackagesOfFile(
  state: DraftState,
  shell: Shell,
  commands: readonly RunCommand[],
  at: Position,
): boolean {
  const typed = packagesOfFile(commands, (path) => {
    const all = [...state.copied, ...state.mounted]
    const source = sourceOf(all, resolvePath(shell.cwd, path), state.contextFile)
    return source === undefined ? undefined : state.contextFile(source)
  })
  return typed !== undefined && addTyped(state, shell, typed, at)
}

function addTyped(state: DraftState, shell: Shell, typed: NonNullable<Typed>, at: Position): boolean {
  if ('nothing' in typed) {
    if (typed.nothing !== '') noteOnce(state, at, typed.nothing)
    return true
  }
  flush(state, shell)
  const notes = (typed.notes ?? []).map((text) =>
    text.startsWith('TODO ') ? text : addNote(state, at, text),
  )
  for (const step of typed.before ?? []) addStep(state, at, step)
  addStep(state, at, typed.step, notes)
  return true
}

function pipOf(state: DraftState, shell: Shell, called: RunCommand): Typed {
  const isOfEnvironment = [...state.environments.keys()].some((path) =>
    called.path.startsWith(`${path}/bin/`),
  )
  const command = isOfEnvironment ? { ...called, path: called.program } : called
  const fileOf = (path: string) => sourceOf([...state.copied, ...state.mounted], path, state.contextFile)
  const isPlaced = (path: string) =>
    state.copied.some(
      ({ target, isDirectory }) => isBelow(target, path) || (isDirectory && isBelow(path, target)),
    ) || state.draft.entries.some(({ step }) => step?.kind === 'git' && isBelow(path, step.to))
  if (installsWheels(state, shell, command))
    return { nothing: 'its wheels are installed where they are copied' }
  const typed = typedPip(command, shell.cwd, fileOf, isPlaced)
  if (typed === undefined || !('step' in typed) || typed.step.kind !== 'pip') return typed
  const { step, elsewhere, wheels } = typed
  const notes = [...(typed.notes ?? []), ...(isVirtual(state) ? [NO_VENV] : []), ...leftOut(shell, command)]
  const keep = (path: string, kind: 'files' | 'constraintFiles') => {
    const taken = takeFile(state, path)
    if (taken.problems.length === 0) return true
    notes.push(...taken.problems.map((problem) => `TODO ${path}: ${problem}`))
    for (const text of taken.problems)
      state.notes.push({ kind: 'todo', ...command.at, text: `${path}: ${text}` })
    if (kind === 'files') step.requirements.push(...taken.requirements)
    else step.constraints.push(...taken.requirements)
    return false
  }
  if (elsewhere !== undefined) {
    state.environments.set(elsewhere, undefined)
    notes.push(`packages go to /usr/local, and not to ${elsewhere}`)
  }
  step.files = step.files.filter((path) => keep(path, 'files'))
  step.constraintFiles = step.constraintFiles.filter((path) => keep(path, 'constraintFiles'))
  if (wheels === undefined) return { ...typed, step, notes }
  state.wheels.set(wheels, step)
  return { nothing: notes.join('; ') }
}

/** A virtual environment: one that has the system's packages, since those of pip steps go there. */
function environmentOf(state: DraftState, command: RunCommand, cwd: string): Typed {
  const words = command.args.map(({ value }) => value)
  const isUv = command.program === 'uv' && words[0] === 'venv'
  if (!isUv && !/^(venv|virtualenv|pyvenv)$/.test(command.program)) return undefined
  const [directory, ...more] = words.slice(isUv ? 1 : 0).filter((word) => !word?.startsWith('-'))
  if (directory === undefined || more.length > 0 || words.includes(undefined)) return undefined
  const path = resolvePath(cwd, directory)
  const made = `python3 -m venv --system-site-packages --without-pip ${shellWord(path)}`
  state.environments.set(path, made)
  return { step: { kind: 'run', command: made }, notes: [NO_VENV] }
}

/** Whether a command makes a shell use, or not use, a virtual environment that has the system's packages. */
export function activates(state: DraftState, { cwd }: Shell, { program, args }: RunCommand): boolean {
  const [, directory] = /^(.+)\/bin\/activate$/.exec(resolvePath(cwd, args[0]?.value ?? '')) ?? []
  if (program === 'deactivate' && args.length === 0) return state.environments.size > 0
  return /^(source|\.)$/.test(program) && args.length === 1 && state.environments.has(directory ?? '')
}

/** `pip install` of nothing but wheels that were copied from another stage, whose packages are installed there. */
function installsWheels({ wheels }: DraftState, { cwd }: Shell, { program, args }: RunCommand): boolean {
  if (!/^pip[\d.]*$/.test(program) || args[0]?.value !== 'install') return false
  const links = args.flatMap(({ text }, i) => {
    const [, inline] = /^--find-links=(.+)$/.exec(text) ?? []
    return inline ?? (/^(-f|--find-links)$/.test(text) ? (args[i + 1]?.text ?? []) : [])
  })
  const words = args.slice(1).filter(({ text }) => !text.startsWith('-'))
  const isIn = (text: string) => [...wheels].some(([directory]) => isBelow(resolvePath(cwd, text), directory))
  return links.length > 0 ? links.every(isIn) : words.length > 0 && words.every(({ text }) => isIn(text))
}

/** Variables by which pip, or a compiler that it calls, is told what to do: a pip step has options instead, or nothing. */
const STEERS =
  /^(PIP_(INDEX_URL|EXTRA_INDEX_URL|CONSTRAINT|FIND_LINKS|PRE|NO_BINARY|ONLY_BINARY|NO_DEPS|TARGET|USER|PREFIX|NO_BUILD_ISOLATION)|UV_(\w*INDEX\w*|CONSTRAINT|OVERRIDE|PRERELEASE)|CC|CXX|CFLAGS|CXXFLAGS|CPPFLAGS|LDFLAGS|CMAKE_ARGS|MAX_JOBS|SETUPTOOLS_\w+)$/

/** What pip was told by variables of its own line, of the script, or of ENV and ARG. */
function leftOut({ scope }: Shell, { text }: RunCommand): string[] {
  const [own = ''] = /^(\s*[A-Za-z_]\w*=\S*\s+)+/.exec(text) ?? []
  const names = [...own.matchAll(/([A-Za-z_]\w*)=/g)].map(([, name = '']) => name)
  const all = new Set([...names, ...scope.keys()].filter((name) => STEERS.test(name)))
  return [...all].map((name) => `${name} is not given to pip: docs/recipe.md says what a pip step takes`)
}

const NO_VENV = 'packages go to /usr/local, and not into a virtual environment'

/** Whether `pip` is that of a virtual environment, by its variables. */
const isVirtual = ({ draft: { env } }: DraftState) =>
  Object.hasOwn(env, 'VIRTUAL_ENV') || /^[^:]*venv[^:]*\/bin:/.test(env.PATH ?? '')

/** Puts a requirements file, and those that it names, beside the recipe. */
function takeFile(
  state: DraftState,
  path: string,
  seen = new Set<string>(),
): { requirements: string[]; problems: string[] } {
  const text = state.contextFile(path)
  if (seen.has(path)) return { requirements: [], problems: [] }
  seen.add(path)
  state.read.add(path)
  if (text === undefined) return { requirements: [], problems: ['it is not in the build context'] }
  if (!/^[\w.+-]+(\/[\w.+-]+)*$/.test(path) || path.split('/').some((part) => /^\.+$/.test(part)))
    return { requirements: [], problems: ['its path is none that can be beside a recipe'] }
  if (/\.(toml|lock)$/.test(path)) {
    state.files.set(path, text)
    return { requirements: [], problems: [] }
  }
  const { requirements, includes, problems } = parseRequirementsFile(text)
  const directory = path.includes('/') ? path.slice(0, path.lastIndexOf('/') + 1) : ''
  const below = includes.map(({ path: included }) =>
    takeFile(state, `${directory}${included}`.replace(/(^|\/)\.\//g, '$1'), seen),
  )
  const all = [
    ...problems.map(({ line, reason }) => `line ${line}: ${reason}`),
    ...below.flatMap((each) => each.problems),
  ]
  if (all.length === 0) state.files.set(path, text)
  return {
    requirements: [
      ...requirements.map((each) => each.replace(/(\s+--hash=\S+)+\s*$/, '')),
      ...below.flatMap((each) => each.requirements),
    ],
    problems: all,
  }
}

function checkedOut({ draft }: DraftState, command: RunCommand, cwd: string): Typed {
  const found = checkoutOf(command, cwd)
  const step =
    found &&
    draft.entries
      .map((entry) => entry.step)
      .findLast((each) => each?.kind === 'git' && each.to === found.directory)
  if (step?.kind !== 'git' || found === undefined) return undefined
  if (found.ref !== undefined) step.ref = found.ref.replace(/^origin\//, '')
  if (found.submodules) step.submodules = true
  return { nothing: '' }
}

/** The recipe's own account, and its group, are made by the recipe. */
function account(state: DraftState, command: RunCommand): Typed {
  if (state.account === undefined) return undefined
  if (/^(groupadd|addgroup)$/.test(command.program))
    return command.args.some(({ value }) => value === state.account?.name) ? { nothing: '' } : undefined
  const found = accountOf(command)
  if (found === undefined || found.name !== state.account.name || state.draft.user !== undefined)
    return undefined
  const { name, uid, home, shell, more } = found
  state.draft.user = { name, uid, home, shell }
  return more.length === 0 ? { nothing: '' } : { step: { kind: 'run', command: more.join('\n') } }
}

/** What a build removes itself, and archives that were unpacked where they came from. */
function cleanUp({ draft, copied, read }: DraftState, { program, args }: RunCommand, cwd: string): Typed {
  if (program !== 'rm' && program !== 'chmod') return undefined
  const paths = args.map(({ value, text }) => value ?? text).filter((word) => !/^-[rfRv]+$/.test(word))
  const last = draft.entries.at(-1)?.step
  if (program === 'chmod') {
    const [mode = '', path, ...more] = paths
    const digits = /^(a?\+x|u\+x|0?755|0?555|0?7[0-7]{2})$/.exec(mode)?.[0]
    const step = draft.entries
      .map((entry) => entry.step)
      .findLast((each) => each?.kind === 'file' && !each.unpack && each.to === resolvePath(cwd, path ?? ''))
    if (digits === undefined || more.length > 0 || step?.kind !== 'file') return undefined
    step.mode = /x/.test(digits) ? '0755' : digits.padStart(4, '0')
    return { nothing: '' }
  }
  const isScrubbed = (path: string) =>
    /^\/var\/(lib\/apt\/lists|cache\/apt|log\/(apt|dpkg\.log|alternatives\.log))|^(\/root|~)\/\.cache(\/pip)?\/?\*?$|^\/(tmp|var\/tmp)\/\*$/.test(
      path,
    )
  const isUnpacked = (path: string) =>
    last?.kind === 'file' && last.unpack && unpacked.get(last) === resolvePath(cwd, path)
  // that pip reads beside the recipe, and that is not placed
  const isRead = (path: string) =>
    copied.some(
      ({ isDirectory, source, target }) =>
        !isDirectory && read.has(source) && target === resolvePath(cwd, path),
    )
  return paths.length > 0 && paths.every((path) => isScrubbed(path) || isUnpacked(path) || isRead(path))
    ? { nothing: '' }
    : undefined
}

/** Keys of the host, which an installation leaves out of an image, too. */
function hostKeys({ program, args }: RunCommand): Typed {
  return program === 'ssh-keygen' && args.length === 1 && args[0]?.value === '-A'
    ? { nothing: 'keys of a host are no part of an image: run ssh-keygen -A when a container starts' }
    : undefined
}

/**
 * What apt installs in a loop that tries again, `for i in 1 2 3; do apt-get install ... && break; sleep 5; done`, in one over names
 * of packages, or in braces or parentheses.
 */
export function typedCompound(state: DraftState, shell: Shell, text: string, at: Position): boolean {
  if (!/^\s*(for|until|while|\{|\()/.test(text)) return false
  const [, variable = '', words = ''] =
    /^\s*for\s+([A-Za-z_]\w*)\s+in\s+([\w.+:=\s-]+?)\s*[;\n]/.exec(text) ?? []
  const rounds = words === '' ? [undefined] : words.split(/\s+/)
  const installs = new Map<string, RunCommand>()
  for (const word of rounds) {
    const scope = new Map(word === undefined ? shell.scope : [...shell.scope, [variable, word]])
    for (const command of readCommands(text, scope, () => at).commands) {
      const verb = aptCall(command)?.verb ?? ''
      if (verb === 'install')
        installs.set(command.args.map((arg) => arg.value ?? arg.text).join(' '), command)
      else if (
        !/^(break|sleep|true|:|echo)$/.test(command.program) &&
        !/^(update|clean|autoclean)$/.test(verb)
      )
        return false
    }
  }
  const typed = [...installs.values()].map((command) => typedApt(command))
  if (typed.length === 0 || !typed.every((each) => each !== undefined)) return false
  for (const each of typed) addTyped(state, shell, each, at)
  return true
}

/** Where an archive lay before it was unpacked. */
const unpacked = new WeakMap<StepDraft, string>()

/** The same of `curl` and `wget` into a file, and of `tar` and `unzip` of such a file. */
export function typedFetch(state: DraftState, shell: Shell, command: RunCommand, at: Position): boolean {
  const fetched = fetchOf(command, shell.cwd)
  if (fetched !== undefined && fetched.to !== '-') {
    flush(state, shell)
    addStep(state, at, {
      kind: 'file',
      url: fetched.url,
      to: fetched.to,
      unpack: false,
      strip: 0,
      mode: '0644',
    })
    return true
  }
  const archive = unpackOf(command, shell.cwd)
  const step =
    archive &&
    state.draft.entries
      .map((entry) => entry.step)
      .findLast((each) => each?.kind === 'file' && !each.unpack && each.to === archive.file)
  if (step?.kind !== 'file' || archive === undefined) return false
  unpacked.set(step, step.to)
  Object.assign(step, { to: archive.to, unpack: true, strip: archive.strip })
  return true
}

/** The same of a checksum that is compared, and of a download that is unpacked as it comes. */
export function typedPipeline(
  state: DraftState,
  shell: Shell,
  commands: readonly RunCommand[],
  at: Position,
): boolean {
  const sum = sumOf(commands, shell.cwd)
  if (sum !== undefined) {
    const step = state.draft.entries
      .map((entry) => entry.step)
      .findLast((each) => each?.kind === 'file' && each.to === sum.file)
    if (step?.kind !== 'file') return false
    step.sha256 = sum.sha256
    return true
  }
  const [fetches, unpacks, ...more] = commands
  // an answer to what `-y` answers
  const isAnswered = /^(yes|echo|printf)$/.test(fetches?.program ?? '') && more.length === 0
  if (isAnswered && unpacks && aptCall(unpacks) !== undefined) return typedStatement(state, shell, unpacks)
  const fetched = fetches && fetchOf(fetches, shell.cwd)
  const archive = unpacks && unpackOf(unpacks, shell.cwd)
  if (more.length > 0 || fetched?.to !== '-' || archive?.file !== '-') return false
  flush(state, shell)
  addStep(state, at, {
    kind: 'file',
    url: fetched.url,
    to: archive.to,
    unpack: true,
    strip: archive.strip,
    mode: '0644',
  })
  return true
}
