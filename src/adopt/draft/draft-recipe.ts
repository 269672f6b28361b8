import { StillroomError } from '../../error.ts'
import { type Dockerfile, readDockerfile } from '../../formats/dockerfile/read-dockerfile.ts'
import type { Position } from '../../formats/dockerfile/source-text.ts'
import { expandWord, readPairs, splitWords } from '../../formats/dockerfile/words.ts'
import type { Recipe, Suite } from '../../recipe/schema.ts'
import { mountsOf, resolvePath } from '../copied-files.ts'
import { runCommands } from '../run-commands.ts'
import { findStage, readStages, type Stage, type StageInstruction } from '../stages.ts'
import { type ChosenBase, chooseBase } from './choose-base.ts'
import { deletesFiles } from './deletes-files.ts'
import { draftCopy, placeCopies } from './draft-copy.ts'
import { draftRun } from './draft-run.ts'
import { addNote, addStep, addTodo, type DraftedStage, type DraftState, shellWord } from './draft-state.ts'
import { accountOf } from './made-account.ts'
import type { DraftNote, RecipeDraft } from './recipe-draft.ts'
import { settleDraft } from './settle-draft.ts'
import { writeRecipe } from './write-recipe.ts'

export interface DraftOptions {
  /** Of the recipe; those of other stages are `NAME-STAGE`. */
  name: string
  /** The Dockerfile as it is named to the user. */
  path: string
  buildArgs?: Readonly<Record<string, string>>
  suite?: Suite | undefined
  /** Text of a file of the build context; undefined when it is not there. */
  contextFile?: (path: string) => string | undefined
  /** Where a directory of the build context is in the recipe's repository; undefined when it is not there. */
  repositoryPlace?: DraftState['repositoryPlace']
}

export interface DraftedRecipe {
  name: string
  /** The text of recipe.ts. */
  source: string
  recipe: Recipe
  /** Files to write beside it, by path. */
  files: Map<string, string>
  /** In the order of their places. */
  notes: DraftNote[]
}

/** No engine builds so many; each is checked against all others. */
const MOST_STEPS = 1000

/** Debian's, which an image of a recipe has when it says nothing. */
const ROOT_PATH = '/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin'

/**
 * Translates a Dockerfile into recipes, one for each stage that files are taken from and one for the last; a stage that stands
 * on another has its steps, too. What is known becomes a typed step, the rest run steps in the same order, and what a recipe
 * can't have a comment that says what to do. The recipes are valid; whether they build, only building tells.
 *
 * @returns the last stage's recipe at the end, each behind those that it takes files from
 * @throws {StillroomError} DOCKERFILE_UNADOPTABLE with line and column: a base that is not Debian or alike, or is not known; far
 *   more steps than anybody has
 */
export function draftRecipes(text: string, options: DraftOptions): [...DraftedRecipe[], DraftedRecipe] {
  const { path, buildArgs = {} } = options
  const dockerfile = readDockerfile(text)
  const { stages } = readStages(dockerfile, buildArgs)
  const refuse = ({ line, column }: Position, reason: string, hint: string) =>
    new StillroomError('DOCKERFILE_UNADOPTABLE', `${path}:${line}:${column}: ${reason}`, {
      hint,
      details: { path, line, column },
    })
  const last = stages.at(-1)
  if (last === undefined) throw refuse({ line: 1, column: 1 }, 'there is no FROM', 'name a Dockerfile')
  const names = stageNames(stages, options.name)
  const drafted = new Map<Stage, { state: DraftState; chosen: ChosenBase }>()
  for (const stage of neededStages(stages)) {
    const [root = stage] = lineOf(stage)
    const { image, from } = root
    if (image === undefined)
      throw refuse(
        from.at,
        `what "${from.body.text}" stands on is only known with --build-arg`,
        'give the value: --build-arg NAME=VALUE',
      )
    const chosen = chooseBase(image, options.suite)
    if (typeof chosen === 'string')
      throw refuse(from.at, chosen, 'take --suite bookworm, and name the packages of Debian')
    const sources = new Map<string, DraftedStage>()
    for (const [i, each] of stages.slice(0, stages.indexOf(stage)).entries()) {
      const known = drafted.get(each)
      if (known === undefined) continue
      const source = { recipe: names.get(each) ?? '', state: known.state }
      sources.set(String(i), source)
      if (each.name !== undefined) sources.set(each.name, source)
    }
    const state = draftStage({ dockerfile, stages, stage, chosen, sources }, options)
    const beyond = state.draft.entries.filter(({ step }) => step !== undefined)[MOST_STEPS]
    if (beyond !== undefined)
      throw refuse(beyond.at, `it has more than ${MOST_STEPS} steps`, 'name a Dockerfile that can be built')
    drafted.set(stage, { state, chosen })
  }
  const recipes = [...drafted].map(([stage, { state }]) => finishDraft(state, names.get(stage) ?? ''))
  const own = recipes.at(-1) as DraftedRecipe
  const used = new Set<string>()
  const visit = ({ recipe }: DraftedRecipe) => {
    for (const step of recipe.steps) {
      const source = step.kind === 'copy' ? recipes.find((each) => each.name === step.from.name) : undefined
      if (source === undefined || used.has(source.name)) continue
      used.add(source.name)
      visit(source)
    }
  }
  visit(own)
  // of some stages nothing is left to be taken: their packages are installed where they were to be copied
  return [...recipes.filter((each) => used.has(each.name)), own]
}

/** The stages that a stage stands on, lowest first, and itself. */
function lineOf(stage: Stage): Stage[] {
  return [...(stage.parent === undefined ? [] : lineOf(stage.parent)), stage]
}

/** The last stage, behind those that it takes files from, and those that these do. */
function neededStages(stages: readonly Stage[]): Set<Stage> {
  const needed = new Set<Stage>()
  const visit = (stage: Stage) => {
    const taken = lineOf(stage).flatMap((each) => takenBy(each, stages.slice(0, stages.indexOf(each))))
    for (const each of taken) visit(each)
    needed.add(stage)
  }
  const last = stages.at(-1)
  if (last !== undefined) visit(last)
  return needed
}

function takenBy({ instructions }: Stage, earlier: readonly Stage[]): Stage[] {
  return instructions.flatMap(({ instruction: { keyword, flags, isTrigger } }) => {
    const isCopy = /^(COPY|ADD)$/.test(keyword)
    const named = flags.find(({ name }) => name === 'from')?.value
    const sources = isCopy ? [named] : mountsOf(flags).map(({ from }) => from)
    if (isTrigger) return []
    return sources.flatMap((from = '') => {
      return findStage(earlier, from) ?? (/^\d+$/.test(from) ? (earlier[Number(from)] ?? []) : [])
    })
  })
}

/** What the recipe of each stage is called. */
function stageNames(stages: readonly Stage[], name: string): Map<Stage, string> {
  const names = new Map<Stage, string>()
  const taken = new Set<string>()
  for (const [i, stage] of stages.entries()) {
    const slug = (stage.name ?? '')
      .toLowerCase()
      .replace(/[^a-z0-9]+/g, '-')
      .replace(/^-|-$/g, '')
    let own = `${name}-${slug === '' ? `stage-${i}` : slug}`
    for (let n = 2; taken.has(own); n++) own = `${name}-${slug || 'stage'}-${n}`
    taken.add(own)
    names.set(stage, stage === stages.at(-1) ? name : own)
  }
  return names
}

interface StageToDraft {
  dockerfile: Dockerfile
  stages: readonly Stage[]
  stage: Stage
  chosen: ChosenBase
  sources: ReadonlyMap<string, DraftedStage>
}

function draftStage(
  { dockerfile, stages, stage, chosen, sources }: StageToDraft,
  { path, buildArgs = {}, contextFile = () => undefined, repositoryPlace = () => undefined }: DraftOptions,
): DraftState {
  const line = lineOf(stage)
  const { from } = line[0] ?? stage
  const state = startDraft(line, chosen.base, sources, { contextFile, repositoryPlace })
  const notes = chosen.notes.map((note) => addNote(state, from.at, note))
  const isOne = stages.length === 1
  const called =
    stage.name === undefined ? `the stage of line ${stage.from.at.line}` : `stage "${stage.name}"`
  state.draft.comments.push(
    `A draft of ${path}${isOne ? '' : `, ${called}`}: nothing of it has been built yet.`,
    ...line.flatMap((each) => each.from.comments),
    ...notes,
  )
  if (chosen.packages.length > 0)
    addStep(state, from.at, { kind: 'apt', packages: [...chosen.packages], recommends: false })
  const ofBase = new Map([['PATH', chosen.base.kind === 'debian' ? ROOT_PATH : undefined]])
  const known = readStages(dockerfile, buildArgs, ofBase).stages
  for (const each of line) {
    const { instructions } = known[stages.indexOf(each)] ?? each
    for (const instruction of instructions) draftInstruction(state, instruction, dockerfile.escaping)
  }
  state.draft.trailing.push(...state.comments, ...(stage === stages.at(-1) ? dockerfile.trailing : []))
  state.comments = []
  return state
}

function finishDraft(state: DraftState, name: string): DraftedRecipe {
  placeCopies(state)
  moveDownloads(state)
  bringPip(state)
  bringTimeZones(state)
  nameRefs(state)
  const steps = state.draft.entries.flatMap(({ step }) => (step === undefined ? [] : [step]))
  const deleting = state.draft.entries.find(
    ({ step }) => step !== undefined && deletesFiles(step, steps.slice(0, steps.indexOf(step))),
  )
  if (deleting !== undefined) {
    state.draft.layout = 'flat'
    const why = "it may delete files of an earlier layer: layout: 'flat' makes one layer"
    deleting.comments.push(addNote(state, deleting.at, why))
  }
  const recipe = settleDraft(state.draft, (at, what) => {
    state.notes.push({ kind: 'todo', ...at, text: what })
    return `TODO line ${at.line}: ${what}`
  })
  return {
    name,
    source: writeRecipe(state.draft),
    recipe,
    files: state.files,
    notes: state.notes.sort((one, other) => one.line - other.line || one.column - other.column),
  }
}

/** Adds Debian's pip where no step before the first pip step brings it: that of a virtual environment is not in the recipe. */
function bringPip(state: DraftState): void {
  const { base, entries } = state.draft
  const isBare =
    base.kind === 'debian' || /^(docker\.io\/)?(library\/)?(debian|ubuntu)[:@]/.test(base.reference)
  const first = entries.findIndex(({ step }) => step?.kind === 'pip')
  if (isBare && first !== -1) bring(state, 'python3-pip', first, 'as pip steps need it')
}

/** Adds the time zones, which images called `debian` and `python` have, and the base of a recipe has not. */
function bringTimeZones(state: DraftState): void {
  const { base, entries, env } = state.draft
  if (base.kind !== 'debian') return
  const named = entries.findIndex(
    ({ step }) => step?.kind === 'run' && /zoneinfo|\btzdata\b/.test(step.command),
  )
  const first = named === -1 && Object.hasOwn(env, 'TZ') ? entries.length - 1 : named
  if (first >= 0) bring(state, 'tzdata', first, 'as the image of the Dockerfile has it')
}

/** Adds a package of Debian before an entry, unless a step before it brings that. */
function bring({ draft: { entries }, notes }: DraftState, name: string, first: number, why: string): void {
  const at = entries[first]?.at
  const isThere = entries
    .slice(0, first)
    .some(
      ({ step }) =>
        step?.kind === 'apt' && step.packages.some((each) => each.replace(/[=/].*$/, '') === name),
    )
  if (at === undefined || isThere) return
  const text = `${name} is added, ${why}`
  notes.push({ kind: 'note', ...at, text })
  entries.splice(first, 0, {
    at,
    comments: [`line ${at.line}: ${text}`],
    step: { kind: 'apt', packages: [name], recommends: false },
  })
}

function startDraft(
  line: readonly Stage[],
  base: RecipeDraft['base'],
  stages: DraftState['stages'],
  context: Pick<DraftState, 'contextFile' | 'repositoryPlace'>,
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
    ...context,
    workdir: '/',
    user: undefined,
    account: accountAtEnd(line),
    environments: new Map(),
    wheels: new Map(),
    stages,
    comments: [],
  }
}

/** The USER in force at the end, when the Dockerfile itself makes it with a number that a recipe can have. */
function accountAtEnd(line: readonly Stage[]): DraftState['account'] {
  const instructions = line.flatMap((stage) => stage.instructions)
  const last = instructions.findLast(({ instruction: { keyword } }) => keyword === 'USER')
  const name =
    last && expandWord(last.instruction.body.text.split(':')[0]?.trim() ?? '', '\\', last.variables)
  if (name === undefined) return undefined
  const made = instructions
    .filter(({ instruction: { keyword, isTrigger } }) => keyword === 'RUN' && !isTrigger)
    .flatMap(({ instruction, variables, shell }) => runCommands(instruction, variables, shell).commands)
    .map((command) => accountOf(command))
    .find((account) => account?.name === name || String(account?.uid) === name)
  return made && { name: made.name, uid: made.uid }
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
      const { account } = state
      state.user = ['root', '0', ''].includes(name) ? undefined : name
      if (account !== undefined && name === String(account.uid)) state.user = account.name
      if (state.user !== undefined && state.user !== account?.name)
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

/** What is fetched into places whose files don't stay is kept elsewhere, and put where the next run step expects it. */
function moveDownloads({ draft: { entries } }: DraftState): void {
  const taken = new Set<string>()
  for (const [i, { step }] of entries.entries()) {
    if (
      (step?.kind !== 'file' && step?.kind !== 'git') ||
      !/^\/(tmp|run|var\/tmp|var\/run)(\/|$)/.test(step.to)
    )
      continue
    const { to } = step
    const name = to.replace(/^.*\//, '')
    let own = name
    for (let n = 2; taken.has(own); n++) own = `${name}-${n}`
    taken.add(own)
    step.to = `/opt/downloads/${own}`
    const user = entries
      .slice(i + 1)
      .find((entry) => entry.step?.kind === 'run' && entry.step.command.includes(to))?.step
    if (user?.kind !== 'run') continue
    const [from, where] = [shellWord(step.to), shellWord(to)]
    const copies =
      step.kind === 'git' || step.unpack
        ? `mkdir -p ${where} && cp -R ${from}/. ${where}`
        : `mkdir -p ${shellWord(to.slice(0, to.lastIndexOf('/')))} && cp ${from} ${where}`
    user.command = `${copies}\n${user.command}`
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
