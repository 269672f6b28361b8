import type { Position } from '../../formats/dockerfile/source-text.ts'
import { addStep, type DraftState, shellWord } from './draft-state.ts'
import type { Shell } from './run-shell.ts'

/** A statement that becomes part of the next run step. */
export function wait(shell: Shell, text: string, at: Position): void {
  if (shell.waiting.length === 0) {
    shell.before = { cwd: shell.cwd, told: [...shell.told] }
    shell.at = at
  }
  shell.waiting.push(text)
}

/** What is waiting, as a run step that has the directory, the variables, the shell and the user that the Dockerfile gives it. */
export function flush(state: DraftState, shell: Shell): void {
  const { waiting, before, at, each } = shell
  if (waiting.length === 0) return
  shell.waiting = []
  const text = waiting.join('\n')
  const named = [...each.variables].filter(([name]) => /^[A-Za-z_]\w*$/.test(name))
  const known = named.filter(
    ([name, value]) =>
      value !== undefined && (isEnvironment(state, name) || new RegExp(`\\b${name}\\b`).test(text)),
  )
  const missing = named.filter(
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
