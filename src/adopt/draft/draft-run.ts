import type { Position } from '../../formats/dockerfile/source-text.ts'
import { parseRequirementsFile } from '../../formats/python/requirements-file.ts'
import { splitScript } from '../../formats/shell/split-script.ts'
import { isBelow, resolvePath, sourceOf } from '../copied-files.ts'
import { type RunCommand, readCommands, scriptOf } from '../run-commands.ts'
import type { StageInstruction } from '../stages.ts'
import { addNote, addStep, addTodo, type DraftState, shellWord } from './draft-state.ts'
import { whyNoStep } from './network.ts'
import type { StepDraft } from './recipe-draft.ts'
import {
  accountOf,
  checkoutOf,
  fetchOf,
  sumOf,
  type Typed,
  typedApt,
  typedClone,
  typedPip,
  unpackOf,
} from './typed-steps.ts'

/** A RUN that is being read: where its shell stands, and what waits to become a run step. */
interface Shell {
  cwd: string
  scope: Map<string, string | undefined>
  /** What the shell was told so far, for each run step that follows: `set`, assignments. */
  told: string[]
  waiting: string[]
  /** `cwd` and `told` as they were before what is waiting. */
  before: { cwd: string; told: string[] }
  at: Position
  each: StageInstruction
}

/** The steps of a RUN, in its order: what is known becomes a typed step, the rest between two of these a run step. */
export function draftRun(state: DraftState, each: StageInstruction): void {
  const { instruction, variables, shell: words } = each
  const { json, body, script, heredocs, at } = instruction
  const mount = instruction.flags.find(
    ({ name, value }) => name === 'mount' && !/(^|,)type=(cache|tmpfs)(,|$)/.test(value),
  )
  if (mount !== undefined)
    return void addTodo(
      state,
      at,
      'a step has no mounts: place what it needs with project() or file()',
      `RUN --mount=${mount.value} ${body.text.replace(/\s+/g, ' ')}`,
    )
  const shell: Shell = {
    cwd: state.workdir,
    scope: new Map(variables),
    told: [],
    waiting: [],
    before: { cwd: state.workdir, told: [] },
    at,
    each,
  }
  const [document] = heredocs
  const isDocument = document !== undefined && /^<<-?\s*(["']?)[^\s"']+\1$/.test(body.text)
  const from = isDocument ? script.text.indexOf('\n') + 1 : 0
  const text = json?.map(shellWord).join(' ') ?? (isDocument ? document.content : script.text)
  const positionAt = (offset: number) => (json === undefined ? script.positionAt(from + offset) : at)
  const isPosix = json !== undefined || /(^|\/)(ba|da|a)?sh$/.test(words[0] ?? '')
  if (!isPosix || /^#!/.test(text)) keepWhole(state, shell, text, at)
  else readStatements(state, shell, text, positionAt)
  flush(state, shell)
}

function readStatements(
  state: DraftState,
  shell: Shell,
  text: string,
  positionAt: (offset: number) => Position,
  depth = 0,
): void {
  const statements = depth > 4 ? undefined : splitScript(text)
  if (statements === undefined) return void keepWhole(state, shell, text, positionAt(0))
  for (const statement of statements) {
    const at = positionAt(statement.at)
    const { commands } = readCommands(statement.text, shell.scope, (offset) =>
      positionAt(statement.at + offset),
    )
    const command = commands.find(
      ({ program }) => !/^(sudo|env|command|exec|eatmydata|nice|time)$/.test(program),
    )
    const inner = statement.isSimple && command ? scriptOf(command.program, command.args) : undefined
    if (
      inner?.value !== undefined &&
      /^(ba|da)?sh$/.test(command?.program ?? '') &&
      command?.args.at(-1) === inner
    ) {
      const { cwd, scope, told } = shell
      const nested: Shell = {
        ...shell,
        scope: new Map(scope),
        told: [...told],
        waiting: [],
        before: { cwd, told: [...told] },
      }
      flush(state, shell)
      readStatements(state, nested, inner.value, () => at, depth + 1)
      flush(state, nested)
      continue
    }
    const told = statement.isSimple && command ? tellShell(shell, statement.text, command) : 'no'
    if (told === 'yes') continue
    if (told === 'unknown' || isOpen(commands)) {
      // all that follows depends on what only running it tells
      return void keepWhole(state, shell, text.slice(statement.at), at)
    }
    const plain =
      statement.isSimple && command !== undefined && hasPlainRedirects(command) ? command : undefined
    const pipeline = statement.pipeline === undefined ? undefined : commands
    if (
      (plain && typedStatement(state, shell, plain)) ||
      (statement.isSimple && command && typedFetch(state, shell, command, at))
    )
      continue
    if (pipeline && typedPipeline(state, shell, pipeline, at)) continue
    const why = whyNoStep(commands, statement.text)
    if (why === undefined) wait(shell, statement.text, at)
    else {
      flush(state, shell)
      addTodo(state, at, why, statement.text.replace(/\s+/g, ' '))
    }
  }
}

/** Whether it changes the shell in a way that later commands may depend on, and that is not followed. */
function isOpen(commands: readonly RunCommand[]): boolean {
  return commands.some(({ program }) =>
    /^(source|\.|eval|trap|shopt|alias|umask|ulimit|exec|read|getopts|pushd|popd)$/.test(program),
  )
}

/** What `cd`, `set` and assignments tell the shell. */
function tellShell(shell: Shell, text: string, command: RunCommand): 'yes' | 'no' | 'unknown' {
  const { program, args } = command
  if (program === '' && args.length === 0) {
    const set = /^\s*([A-Za-z_]\w*)=/.exec(text)?.[1]
    if (set === undefined) return 'no'
    const { value } = assigned(shell, text, set)
    shell.scope.set(set, value)
    if (/\$\(|`/.test(text)) return 'unknown'
    tell(shell, text)
    return 'yes'
  }
  if (program === 'export') {
    for (const { text: word } of args) {
      const name = /^([A-Za-z_]\w*)=/.exec(word)?.[1]
      if (name === undefined) continue
      if (/\$\(|`/.test(word)) return 'unknown'
      shell.scope.set(name, assigned(shell, word, name).value)
    }
    tell(shell, text)
    return 'yes'
  }
  if (program === 'set') {
    if (!args.every(({ value }) => /^[-+][eux]+$/.test(value ?? ''))) tell(shell, text)
    return 'yes'
  }
  if (program !== 'cd') return 'no'
  const [to, ...more] = args
  if (to?.value === undefined || more.length > 0 || to.value.startsWith('-')) return 'unknown'
  if (shell.waiting.length > 0) shell.waiting.push(text)
  shell.cwd = resolvePath(shell.cwd, to.value)
  return 'yes'
}

function assigned({ scope }: Shell, text: string, name: string): { value: string | undefined } {
  const { commands } = readCommands(`${text}\n: "$${name}"`, scope, () => ({ line: 1, column: 1 }))
  return { value: commands.at(-1)?.args[0]?.value }
}

function tell(shell: Shell, text: string): void {
  shell.told.push(text)
  if (shell.waiting.length > 0) shell.waiting.push(text)
}

const hasPlainRedirects = ({ redirects }: RunCommand) =>
  redirects.every(
    ({ operator, target }) =>
      operator.startsWith('>') && (target?.value === '/dev/null' || /^[012]$/.test(target?.value ?? '')),
  )

function typedStatement(state: DraftState, shell: Shell, command: RunCommand): boolean {
  const { cwd } = shell
  const typed =
    typedApt(command) ??
    pipOf(state, shell, command) ??
    typedClone(command, cwd) ??
    checkedOut(state, command, cwd) ??
    account(state, command) ??
    cleanUp(state, command, cwd)
  if (typed === undefined) return false
  if ('nothing' in typed) {
    if (typed.nothing !== '') state.comments.push(addNote(state, command.at, typed.nothing))
    return true
  }
  flush(state, shell)
  const notes = (typed.notes ?? []).map((text) =>
    text.startsWith('TODO ') ? text : addNote(state, command.at, text),
  )
  for (const step of typed.before ?? []) addStep(state, command.at, step)
  addStep(state, command.at, typed.step, notes)
  return true
}

function pipOf(state: DraftState, shell: Shell, command: RunCommand): Typed {
  const fileOf = (path: string) => sourceOf(state.copied, path, state.contextFile)
  const isPlaced = (path: string) =>
    state.copied.some(
      ({ target, isDirectory }) => isBelow(target, path) || (isDirectory && isBelow(path, target)),
    ) || state.draft.entries.some(({ step }) => step?.kind === 'git' && isBelow(path, step.to))
  const typed = typedPip(command, shell.cwd, fileOf, isPlaced)
  if (typed === undefined || !('step' in typed) || typed.step.kind !== 'pip') return typed
  const { step } = typed
  const notes = [...(typed.notes ?? []), ...(isVirtual(state) ? [NO_VENV] : [])]
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
  step.files = step.files.filter((path) => keep(path, 'files'))
  step.constraintFiles = step.constraintFiles.filter((path) => keep(path, 'constraintFiles'))
  return { ...typed, step, notes }
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
    return command.args.at(-1)?.value === state.account ? { nothing: '' } : undefined
  const found = accountOf(command)
  if (found === undefined || found.name !== state.account || state.draft.user !== undefined) return undefined
  const { name, uid, home, shell, more } = found
  state.draft.user = { name, uid, home, shell }
  return more.length === 0 ? { nothing: '' } : { step: { kind: 'run', command: more.join('\n') } }
}

/** What a build removes itself, and archives that were unpacked where they came from. */
function cleanUp({ draft }: DraftState, { program, args }: RunCommand, cwd: string): Typed {
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
  return paths.length > 0 && paths.every((path) => isScrubbed(path) || isUnpacked(path))
    ? { nothing: '' }
    : undefined
}

/** Where an archive lay before it was unpacked. */
const unpacked = new WeakMap<StepDraft, string>()

function typedFetch(state: DraftState, shell: Shell, command: RunCommand, at: Position): boolean {
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

function typedPipeline(
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

function wait(shell: Shell, text: string, at: Position): void {
  if (shell.waiting.length === 0) {
    shell.before = { cwd: shell.cwd, told: [...shell.told] }
    shell.at = at
  }
  shell.waiting.push(text)
}

/** A script that is not split: a run step, or what to do about it when it asks the network. */
function keepWhole(state: DraftState, shell: Shell, text: string, at: Position): void {
  const { commands } = readCommands(text, shell.scope, () => at)
  const why = whyNoStep(commands, text)
  if (why === undefined) wait(shell, text, at)
  flush(state, shell)
  if (why !== undefined)
    addTodo(state, at, `a part of this is to be taken out: ${why}`, text.replace(/\s+/g, ' ').slice(0, 400))
}

/** What is waiting, as a run step that has the directory, the variables, the shell and the user that the Dockerfile gives it. */
function flush(state: DraftState, shell: Shell): void {
  const { waiting, before, at, each } = shell
  if (waiting.length === 0) return
  shell.waiting = []
  const text = waiting.join('\n')
  const known = [...each.variables].filter(
    ([name, value]) =>
      value !== undefined &&
      /^[A-Za-z_]\w*$/.test(name) &&
      (isEnvironment(state, name) || new RegExp(`\\b${name}\\b`).test(text)),
  )
  const missing = [...each.variables].filter(
    ([name, value]) => value === undefined && name !== 'PATH' && new RegExp(`\\$\\{?${name}\\b`).test(text),
  )
  const lines = [
    ...known.map(([name, value = '']) => `export ${name}=${shellWord(value)}`),
    ...(before.cwd === '/'
      ? []
      : [
          `${before.cwd === state.workdir ? `mkdir -p ${shellWord(before.cwd)} && ` : ''}cd ${shellWord(before.cwd)}`,
        ]),
    ...before.told,
    text,
  ]
  // a run step fails at variables that are not set, a RUN does not
  if (/\$[A-Za-z_{]/.test(text)) lines.unshift('set +u')
  const [program = '/bin/sh', ...options] = each.instruction.json === undefined ? each.shell : []
  const isPlainShell = program === '/bin/sh' && options.join(' ') !== '-exc' && !options.includes('pipefail')
  const user = state.user
  const script = lines.join('\n')
  let command = script
  if (!isPlainShell || user !== undefined) {
    const start =
      user === undefined
        ? ''
        : `setpriv --reuid=${shellWord(user)} --regid=${shellWord(user)} ${/^\d+$/.test(user) ? '--clear-groups' : '--init-groups'} `
    const words = isPlainShell ? ['/bin/sh', '-ec'] : [program, ...options]
    const home =
      user === undefined || !state.draft.user ? '' : `export HOME=${shellWord(state.draft.user.home)}\n`
    const strict = isPlainShell || !/sh$/.test(program) ? '' : 'set -e\n'
    command = `exec ${start}${words.map(shellWord).join(' ')} ${shellWord(`${strict}${home}${script}`)}`
  }
  const comments = missing.map(
    ([name]) => `TODO line ${at.line}: ${name} has no value: give --build-arg ${name}=...`,
  )
  for (const [name] of missing)
    state.notes.push({ kind: 'todo', ...at, text: `${name} has no value: give --build-arg ${name}=...` })
  addStep(state, at, { kind: 'run', command }, comments)
}

const isEnvironment = ({ draft }: DraftState, name: string) => Object.hasOwn(draft.env, name)
