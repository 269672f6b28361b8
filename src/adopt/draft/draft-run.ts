import type { Position } from '../../formats/dockerfile/source-text.ts'
import { splitScript } from '../../formats/shell/split-script.ts'
import { aptCall } from '../check/check-apt.ts'
import { checkChance } from '../check/check-chance.ts'
import { type Mount, mountedFiles, mountsOf, UV_IMAGE } from '../copied-files.ts'
import { type RunCommand, readCommands, scriptOf } from '../run-commands.ts'
import type { StageInstruction } from '../stages.ts'
import { draftStageCopy } from './draft-stage-copy.ts'
import { addNote, addTodo, type DraftState, noteOnce, shellWord } from './draft-state.ts'
import { installsFiles, whyNoStep } from './network.ts'
import { isAsking, isMarks, type Shell, tell, tellShell } from './run-shell.ts'
import { flush, wait } from './run-step.ts'
import { NOT_FETCHED, NOT_PURGED } from './typed-packages.ts'
import {
  activates,
  typedCompound,
  typedFetch,
  typedPackagesOfFile,
  typedPipeline,
  typedStatement,
} from './typed-statement.ts'

/** `<<EOF bash -ex`, and `bash -ex <<EOF`: a shell that is given a here-document. */
const FED_SHELL =
  /^(?:<<-?\s*(["']?)\w+\1\s+(?:\/bin\/)?(?<before>(?:ba|da)?sh)(?:\s+(?:[-+][eux]*o?|pipefail|-s?))*|(?:\/bin\/)?(?<behind>(?:ba|da)?sh)(?:\s+(?:[-+][eux]*o?|pipefail|-s?))*\s*<<-?\s*(["']?)\w+\4)$/

/** The steps of a RUN, in its order: what is known becomes a typed step, the rest between two of these a run step. */
export function draftRun(state: DraftState, each: StageInstruction): void {
  const { instruction, variables, shell: words } = each
  const { json, body, script, heredocs, at } = instruction
  const rest = mountsOf(instruction.flags).filter((mount) => !takeMount(state, each, mount))
  const mounted = mountedFiles(rest, state.workdir, state.contextFile)
  if (mounted === undefined)
    return void addTodo(
      state,
      at,
      'a step has no mounts: place what it needs with project() or file()',
      `RUN ${instruction.flags.map(({ name, value }) => `--${name}=${value} `).join('')}${body.text.replace(/\s+/g, ' ')}`,
    )
  state.mounted = mounted
  const first = state.draft.entries.length
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
  const isOwn = document !== undefined && /^<<-?\s*(["']?)[^\s"']+\1$/.test(body.text)
  const fed = document === undefined || heredocs.length > 1 ? null : FED_SHELL.exec(body.text)
  // without quotes, the shell outside would put in its variables first
  const isFed = fed !== null && (document?.quoted === true || !/[$`\\]/.test(document?.content ?? ''))
  if (isFed) {
    const program = fed.groups?.before ?? fed.groups?.behind ?? 'sh'
    shell.each = { ...each, shell: [`/bin/${program}`, '-c'] }
    if (/pipefail/.test(body.text)) shell.told.push('set -o pipefail')
    shell.before = { cwd: shell.cwd, told: [...shell.told] }
  }
  const isDocument = isOwn || isFed
  const from = isDocument ? script.text.indexOf('\n') + 1 : 0
  const text =
    json?.map(shellWord).join(' ') ??
    (isDocument ? script.text.slice(from, from + (document?.length ?? 0)) : script.text)
  const positionAt = (offset: number) => (json === undefined ? script.positionAt(from + offset) : at)
  const isPosix = json !== undefined || isFed || /(^|\/)(ba|da|a)?sh$/.test(words[0] ?? '')
  if (!isPosix || /^#!/.test(text)) keepWhole(state, shell, text, at)
  else readStatements(state, shell, text, positionAt)
  flush(state, shell)
  const runs = state.draft.entries.slice(first).some(({ step }) => step?.kind === 'run')
  for (const { source, target } of runs ? mounted : [])
    addTodo(state, at, 'a run step has no mounts: place it with project()', `${source} at ${target}`)
}

/** Files of another stage are copied, where the mount would go with the step; uv itself is not needed. */
function takeMount(
  state: DraftState,
  { instruction }: StageInstruction,
  { from = '', source, target, isBind }: Mount,
): boolean {
  if (!isBind || target === undefined) return false
  if (UV_IMAGE.test(from)) return true
  const stage = state.stages.get(from.toLowerCase())
  if (stage === undefined) return false
  draftStageCopy(state, stage, { instruction: { ...instruction, flags: [] }, sources: [source], to: target })
  return true
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
    if (statement.isSimple && command && activates(state, shell, command)) continue
    const told = statement.isSimple && command ? tellShell(shell, statement.text, command) : 'no'
    if (told === 'yes') continue
    if (!statement.isSimple && commands.length > 0 && commands.every(isRefresh)) continue
    if (isMarks(commands)) {
      noteOnce(state, at, NOT_PURGED)
      continue
    }
    const assigned = statement.isSimple ? [] : commands.filter(isAssignment)
    if (assigned.length > 0 && commands.every(isAsking)) {
      // branches that set variables are run before each step that may need them
      tell(shell, statement.text)
      continue
    }
    if (takesComponents(state, commands, statement.text)) continue
    if (
      told === 'unknown' ||
      isOpen(commands) ||
      isUsed(assigned, text.slice(statement.at + statement.text.length))
    ) {
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
    if ((statement.isSimple || pipeline) && typedPackagesOfFile(state, shell, commands, at)) continue
    if (!statement.isSimple && typedCompound(state, shell, statement.text, at)) continue
    const why = whyNoStep(commands, statement.text)
    if (why === undefined) {
      sayChance(state, commands)
      if (commands.some(installsFiles)) noteOnce(state, at, NOT_FETCHED)
      wait(shell, statement.text, at)
    } else {
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

/** Sections of the archive that a script adds to the lines of apt's sources: components of the base. */
function takesComponents(
  { draft: { base } }: DraftState,
  commands: readonly RunCommand[],
  text: string,
): boolean {
  if (base.kind !== 'debian' || !commands.every(({ program }) => program === 'sed')) return false
  if (!/\/etc\/apt\/sources\.list/.test(text)) return false
  const found = (['contrib', 'non-free', 'non-free-firmware'] as const).filter(
    (name) =>
      new RegExp(`(?<![\\w-])${name}(?![\\w-])`).test(text) &&
      (name !== 'non-free-firmware' || base.suite !== 'bullseye'),
  )
  if (found.length === 0) return false
  base.components = [...new Set([...(base.components ?? ['main' as const]), ...found])]
  return true
}

const isAssignment = ({ program, args }: RunCommand) => program === '' && args.length === 0

/** Whether a later script names a variable that is set. */
function isUsed(assigned: readonly RunCommand[], later: string): boolean {
  const names = assigned.flatMap(({ text }) =>
    [...text.matchAll(/(?:^|\s)([A-Za-z_]\w*)\+?=/g)].map(([, name = '']) => name),
  )
  return names.some((name) => new RegExp(`\\b${name}\\b`).test(later))
}

/** What reads the lists of apt, or throws them away, and what stands beside it in case that fails. */
const isRefresh = (command: RunCommand) =>
  /^(true|:)$/.test(command.program) || /^(update|clean|autoclean)$/.test(aptCall(command)?.verb ?? '')

const hasPlainRedirects = ({ redirects }: RunCommand) =>
  redirects.every(
    ({ operator, target }) =>
      operator.startsWith('>') && (target?.value === '/dev/null' || /^[012]$/.test(target?.value ?? '')),
  )

const PASSWORD =
  'everybody who has the image has this password, and an audit finds it: set it when a container starts'
/** Whose salts do not come of chance in a build (docs/decisions/0026-the-clock-of-the-steps.md). */
const SALTED = /^(chpasswd|passwd|mkpasswd)$/

/** Says what of commands no two builds have in common, but for the time of the day. */
function sayChance(state: DraftState, all: readonly RunCommand[]): void {
  const commands = all.filter(({ program }) => !SALTED.test(program))
  const setter = all.find(
    ({ program, piped }) => program === 'chpasswd' || (program === 'passwd' && piped.length > 0),
  )
  if (setter !== undefined) state.comments.push(addNote(state, setter.at, PASSWORD))
  checkChance({ commands }, (rule, at, message, instead) => {
    if (rule !== 'clock') state.comments.push(addNote(state, at, `${message}: ${instead}`))
  })
}

/** A script that is not split: a run step, or what to do about it when it asks the network. */
function keepWhole(state: DraftState, shell: Shell, text: string, at: Position): void {
  const { commands } = readCommands(text, shell.scope, () => at)
  const why = whyNoStep(commands, text)
  if (why === undefined) {
    sayChance(state, commands)
    wait(shell, text, at)
  }
  flush(state, shell)
  if (why !== undefined)
    addTodo(state, at, `a part of this is to be taken out: ${why}`, text.replace(/\s+/g, ' ').slice(0, 400))
}
