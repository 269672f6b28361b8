import { StillroomError } from '../../error.ts'
import { readDockerfile } from '../../formats/dockerfile/read-dockerfile.ts'
import type { Position } from '../../formats/dockerfile/source-text.ts'
import { expandWord, readPairs, splitWords } from '../../formats/dockerfile/words.ts'
import type { Recipe, Suite } from '../../recipe/schema.ts'
import { resolvePath } from '../copied-files.ts'
import { runCommands } from '../run-commands.ts'
import { readStages, type Stage, type StageInstruction } from '../stages.ts'
import { chooseBase } from './choose-base.ts'
import { draftCopy, placeCopies } from './draft-copy.ts'
import { draftRun } from './draft-run.ts'
import { addNote, addStep, addTodo, type DraftState, shellWord } from './draft-state.ts'
import { accountOf } from './made-account.ts'
import type { DraftNote, RecipeDraft } from './recipe-draft.ts'
import { settleDraft } from './settle-draft.ts'
import { writeRecipe } from './write-recipe.ts'

export interface DraftOptions {
  /** The Dockerfile as it is named to the user. */
  path: string
  buildArgs?: Readonly<Record<string, string>>
  suite?: Suite | undefined
  /** Text of a file of the build context; undefined when it is not there. */
  contextFile?: (path: string) => string | undefined
}

export interface DraftedRecipe {
  /** The text of recipe.ts. */
  source: string
  recipe: Recipe
  /** Files to write beside it, by path. */
  files: Map<string, string>
  /** In the order of their places. */
  notes: DraftNote[]
}

/** Debian's, which an image of a recipe has when it says nothing. */
const ROOT_PATH = '/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin'

/**
 * Translates a Dockerfile into a recipe: what is known becomes a typed step, the rest run steps in the same order, and what a
 * recipe can't have a comment that says what to do. The recipe is valid; whether it builds, only building tells.
 *
 * @throws {StillroomError} DOCKERFILE_UNADOPTABLE with line and column: several stages, or a base that is not Debian or alike
 */
export function draftRecipe(
  text: string,
  { path, buildArgs = {}, suite, contextFile = () => undefined }: DraftOptions,
): DraftedRecipe {
  const dockerfile = readDockerfile(text)
  const { stages } = readStages(dockerfile, buildArgs)
  const [stage, second] = stages
  const refuse = ({ line, column }: Position, reason: string, hint: string) =>
    new StillroomError('DOCKERFILE_UNADOPTABLE', `${path}:${line}:${column}: ${reason}`, {
      hint,
      details: { path, line, column },
    })
  if (stage === undefined) throw refuse({ line: 1, column: 1 }, 'there is no FROM', 'name a Dockerfile')
  if (second !== undefined)
    throw refuse(
      second.from.at,
      'a recipe cannot take files from another stage',
      'write a Dockerfile of one stage, or a recipe by hand: docs/recipe.md',
    )
  if (stage.image === undefined)
    throw refuse(
      stage.from.at,
      `what "${stage.from.body.text}" stands on is only known with --build-arg`,
      'give the value: --build-arg NAME=VALUE',
    )
  const chosen = chooseBase(stage.image, suite)
  if (typeof chosen === 'string')
    throw refuse(stage.from.at, chosen, 'take --suite bookworm, and name the packages of Debian')
  const state = startDraft(stage, chosen.base, contextFile)
  const notes = chosen.notes.map((note) => addNote(state, stage.from.at, note))
  state.draft.comments.push(
    `A draft of ${path}: nothing of it has been built yet.`,
    ...stage.from.comments,
    ...notes,
  )
  if (chosen.packages.length > 0)
    addStep(state, stage.from.at, { kind: 'apt', packages: [...chosen.packages], recommends: false })
  const ofBase = new Map([['PATH', chosen.base.kind === 'debian' ? ROOT_PATH : undefined]])
  const [known = stage] = readStages(dockerfile, buildArgs, ofBase).stages
  for (const each of known.instructions) draftInstruction(state, each, dockerfile.escaping)
  state.draft.trailing.push(...state.comments, ...dockerfile.trailing)
  placeCopies(state)
  moveDownloads(state)
  nameRefs(state)
  const recipe = settleDraft(state.draft, (at, what) => {
    state.notes.push({ kind: 'todo', ...at, text: what })
    return `TODO line ${at.line}: ${what}`
  })
  return {
    source: writeRecipe(state.draft),
    recipe,
    files: state.files,
    notes: state.notes.sort((one, other) => one.line - other.line || one.column - other.column),
  }
}

function startDraft(
  stage: Stage,
  base: RecipeDraft['base'],
  contextFile: DraftState['contextFile'],
): DraftState {
  const draft: RecipeDraft = {
    comments: [],
    base,
    entries: [],
    env: {},
    labels: {},
    expose: [],
    volumes: [],
    tasks: {},
    trailing: [],
  }
  return {
    draft,
    notes: [],
    copied: [],
    mounted: [],
    files: new Map(),
    read: new Set(),
    contextFile,
    workdir: '/',
    user: undefined,
    account: accountAtEnd(stage),
    comments: [],
  }
}

/** The USER in force at the end, when the Dockerfile itself makes it with a number that a recipe can have. */
function accountAtEnd({ instructions }: Stage): string | undefined {
  const last = instructions.findLast(({ instruction: { keyword } }) => keyword === 'USER')
  const name =
    last && expandWord(last.instruction.body.text.split(':')[0]?.trim() ?? '', '\\', last.variables)
  if (name === undefined) return undefined
  const made = instructions
    .filter(({ instruction: { keyword, isTrigger } }) => keyword === 'RUN' && !isTrigger)
    .flatMap(({ instruction, variables, shell }) => runCommands(instruction, variables, shell).commands)
    .map((command) => accountOf(command))
    .find((account) => account?.name === name)
  return made === undefined ? undefined : name
}

function draftInstruction(state: DraftState, each: StageInstruction, escaping: string): void {
  const { instruction, variables, shell } = each
  const { keyword, body, json, at, isTrigger } = instruction
  const { draft } = state
  state.comments.push(...instruction.comments.filter((text) => text !== ''))
  const expanded = () => expandWord(body.text, escaping, variables)
  const unknown = () =>
    addTodo(
      state,
      at,
      'its value is only known when it is built: give --build-arg',
      `${keyword} ${body.text}`,
    )
  const words = (): string[] | undefined => {
    const values = json ?? splitWords(body.text, escaping, variables).map(({ value }) => value)
    return values.every((value) => value !== undefined) ? values : undefined
  }
  if (isTrigger)
    return void addTodo(
      state,
      at,
      'a recipe has nothing for images that stand on it',
      `ONBUILD ${keyword} ${body.text}`,
    )
  switch (keyword) {
    case 'RUN':
      return void draftRun(state, each)
    case 'COPY':
    case 'ADD':
      return void draftCopy(state, each, escaping)
    case 'ARG':
    case 'SHELL':
      return
    case 'ENV':
      for (const { name, value } of readPairs(body, escaping, variables)) {
        if (value !== undefined && name !== '__proto__') draft.env[name] = value
        else
          addTodo(state, at, 'its value is only known when it is built: write it out in env', `ENV ${name}`)
      }
      return
    case 'LABEL':
      for (const { name, value } of readPairs(body, escaping, variables)) {
        if (value !== undefined && name !== '__proto__') draft.labels[name] = value
        else
          addTodo(
            state,
            at,
            'its value is only known when it is built: write it out in labels',
            `LABEL ${name}`,
          )
      }
      return
    case 'MAINTAINER':
      draft.labels.maintainer = body.text
      return
    case 'WORKDIR': {
      const value = expanded()
      if (value === undefined) return void unknown()
      state.workdir = resolvePath(state.workdir, value)
      draft.workdir = state.workdir
      return
    }
    case 'USER': {
      const value = expanded()
      if (value === undefined) return void unknown()
      const [name = ''] = value.split(':')
      state.user = ['root', '0', ''].includes(name) ? undefined : name
      if (state.user !== undefined && state.user !== state.account)
        addTodo(
          state,
          at,
          'a recipe makes its user itself, with a number of its own: user: { name, uid, home }',
          `USER ${value}`,
        )
      return
    }
    case 'CMD':
    case 'ENTRYPOINT': {
      const command = json ?? (body.text === '' ? [] : [...shell, body.text])
      if (keyword === 'CMD') draft.cmd = command
      else draft.entrypoint = command
      return
    }
    case 'EXPOSE':
      for (const port of words() ?? [undefined]) {
        if (port === undefined) unknown()
        else draft.expose.push(/\/(tcp|udp)$/i.test(port) ? port.toLowerCase() : `${port}/tcp`)
      }
      draft.expose = [...new Set(draft.expose)]
      return
    case 'VOLUME':
      for (const volume of words() ?? [undefined]) {
        if (volume === undefined) unknown()
        else draft.volumes.push(resolvePath('/', volume))
      }
      draft.volumes = [...new Set(draft.volumes)]
      return
    case 'HEALTHCHECK': {
      const [, kind, rest = ''] = /^(NONE|CMD)\b\s*(.*)$/is.exec(body.text) ?? []
      if (kind?.toUpperCase() !== 'CMD') return
      draft.tasks.healthcheck = {
        description: 'The HEALTHCHECK of the Dockerfile',
        command: healthCommand(rest, shell),
      }
      state.comments.push(
        addNote(state, at, 'an image of a recipe has no health check: it is the task "healthcheck"'),
      )
      return
    }
    case 'STOPSIGNAL':
      return void addTodo(
        state,
        at,
        'a recipe has no stop signal: give it when a container is started',
        `STOPSIGNAL ${body.text}`,
      )
    default:
      return void addTodo(state, at, 'this is no instruction of a Dockerfile', `${keyword} ${body.text}`)
  }
}

function healthCommand(text: string, shell: readonly string[]): string[] {
  try {
    const words: unknown = JSON.parse(text)
    if (Array.isArray(words) && words.every((word) => typeof word === 'string')) return words
  } catch {
    // the shell form
  }
  return [...shell, text]
}

/** Downloads into places whose files don't stay are kept elsewhere, and put where the next run step expects them. */
function moveDownloads({ draft: { entries } }: DraftState): void {
  for (const [i, { step }] of entries.entries()) {
    if (step?.kind !== 'file' || step.unpack || !/^\/(tmp|run|var\/tmp|var\/run)\//.test(step.to)) continue
    const { to } = step
    step.to = `/opt/downloads/${to.replace(/^.*\//, '')}`
    const user = entries
      .slice(i + 1)
      .find((entry) => entry.step?.kind === 'run' && entry.step.command.includes(to))?.step
    if (user?.kind === 'run')
      user.command = `mkdir -p ${shellWord(to.slice(0, to.lastIndexOf('/')))} && cp ${shellWord(step.to)} ${shellWord(to)}\n${user.command}`
  }
}

/** A clone of the default branch is what it is on the day of the lock, whatever it was for the author. */
function nameRefs(state: DraftState): void {
  for (const { step, comments, at } of state.draft.entries) {
    if (step?.kind !== 'git' || step.ref !== 'HEAD') continue
    const text = 'name the branch, tag or commit; HEAD is the default branch'
    comments.push(`TODO line ${at.line}: ${text}`)
    state.notes.push({ kind: 'todo', ...at, text: `${step.url}: ${text}` })
  }
}
