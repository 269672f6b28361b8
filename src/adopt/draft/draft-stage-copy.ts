import type { Instruction } from '../../formats/dockerfile/read-dockerfile.ts'
import { isBelow, namesDirectory, resolvePath, sourceOf } from '../copied-files.ts'
import {
  addNote,
  addStep,
  addTodo,
  copyFromContext,
  type DraftedStage,
  type DraftState,
  shellWord,
} from './draft-state.ts'
import type { StepDraft } from './recipe-draft.ts'

/** Directories that every image has: a file that is copied to one of them goes into it. */
const DIRECTORIES =
  /^\/(bin|sbin|lib|etc|opt|srv|home|root|var|var\/(lib|www|log|cache)|usr(\/local)?(\/(bin|sbin|lib|share|include|src|etc))?)?$/
/** Where packages of Python lie, in any version's. */
const SITE = /\/(site|dist)-packages\/?$/
const OPTIONS = new Set(['from', 'chown', 'chmod', 'link'])

/**
 * `COPY --from` of a stage that became a recipe. What one path holds that is surely a file or surely a directory is copied as it
 * is. Else the other recipe puts it together at its end, as only a shell there can tell what a pattern, or a path, is.
 */
export function draftStageCopy(
  state: DraftState,
  stage: DraftedStage,
  { instruction, sources, to }: { instruction: Instruction; sources: string[]; to: string },
): void {
  const { at, body, flags, keyword } = instruction
  const flag = (name: string) => flags.find((each) => each.name === name)?.value
  const code = `${keyword} ${flags.map(({ name, value }) => `--${name}=${value} `).join('')}${body.text}`
  const unknown = flags.find(({ name }) => !OPTIONS.has(name))
  if (unknown !== undefined)
    return void addTodo(
      state,
      at,
      `a copy step has no --${unknown.name}: copy what it names one by one`,
      code,
    )
  const target = resolvePath(state.workdir, to)
  const paths = sources.map((source) => resolvePath('/', source))
  const isInto = namesDirectory(to, sources.length) || DIRECTORIES.test(target) || target === state.workdir
  const taken = paths.filter(
    (path) =>
      !takePackages(state, stage, path, target, at) &&
      !takeRead(state, stage.state, path, { target, isInto, at }),
  )
  if (taken.length === 0) return
  const from = { kind: 'recipe' as const, name: stage.recipe }
  const [path = ''] = taken
  const isPattern = taken.some((each) => /[*?[]/.test(each))
  const isDirectory = taken.length === 1 && isSurelyDirectory(stage.state, sources[0] ?? '', target)
  const isDirect = !isPattern && (isDirectory || !isInto)
  const chmod = flag('chmod')
  const owner = flag('chown')
  const changes = (where: string) => [
    ...(chmod === undefined ? [] : [`chmod -R ${shellWord(chmod)} ${shellWord(where)}`]),
    ...(owner === undefined || /^(root|0)(:(root|0))?$/.test(owner)
      ? []
      : [`chown -R ${shellWord(owner)} ${shellWord(where)}`]),
  ]
  // what else lies in the directory is not to be changed with it
  const isStaged = changes('').length > 0 && (!isDirect || DIRECTORIES.test(target))
  const staged = `/opt/stillroom-files/${stage.recipe}-${state.draft.entries.length}`
  const place = isStaged ? staged : target
  if (isDirect) addStep(state, at, { kind: 'copy', from, path, to: place })
  else {
    const gathered = `/opt/stillroom-files/${[...stage.state.draft.entries].filter(isGathering).length + 1}`
    addStep(stage.state, at, { kind: 'run', command: gather(taken, gathered) }, [
      `line ${at.line}: what the recipe of another stage takes`,
    ])
    addStep(state, at, { kind: 'copy', from, path: gathered, to: place })
  }
  const commands = changes(place)
  if (isStaged)
    commands.push(
      `mkdir -p ${shellWord(target)}`,
      `tar -C ${staged} -c . | tar -C ${shellWord(target)} -x -p --same-owner --no-overwrite-dir`,
    )
  if (commands.length > 0) addStep(state, at, { kind: 'run', command: commands.join('\n') })
}

/** A directory by its name, or one that the other stage made or worked in. */
function isSurelyDirectory({ draft, workdir }: DraftState, source: string, target: string): boolean {
  if (/\/\.?$/.test(source)) return true
  const path = resolvePath('/', source)
  const name = path.slice(path.lastIndexOf('/') + 1)
  return (
    DIRECTORIES.test(path) ||
    isBelow(workdir, path) ||
    (draft.workdir !== undefined && isBelow(draft.workdir, path)) ||
    // a file in a directory of its own name is rare
    (target.endsWith(`/${name}`) && !/[^.]\.\w+$/.test(name) && !/(^|\/)s?bin\//.test(path)) ||
    draft.entries.some(({ step }) => step?.kind === 'git' && isBelow(step.to, path))
  )
}

const isGathering = ({ step }: { step: StepDraft | undefined }) =>
  step?.kind === 'run' && step.command.startsWith('mkdir -p /opt/stillroom-files/')

/** A script that puts what COPY would put into a directory into one. */
function gather(paths: readonly string[], to: string): string {
  const words = paths.map((path) =>
    path
      .split(/([*?]|\[[^\]/]*\])/)
      .map((part, i) => (i % 2 === 1 ? part : part === '' ? '' : shellWord(part)))
      .join(''),
  )
  return [
    `mkdir -p ${to}`,
    `for each in ${words.join(' ')}; do`,
    `  if [ -d "$each" ]; then cp -a "$each"/. ${to}/; else cp -aH "$each" ${to}/; fi`,
    'done',
  ].join('\n')
}

/** What pip reads beside the other recipe, and that recipe therefore has not: it comes from the build context here, too. */
function takeRead(
  state: DraftState,
  other: DraftState,
  path: string,
  { target, isInto, at }: { target: string; isInto: boolean; at: Instruction['at'] },
): boolean {
  const source = sourceOf(other.copied, path, other.contextFile)
  if (source === undefined || !other.read.has(source)) return false
  copyFromContext(state, source, target, isInto, at)
  return true
}

/** Packages of Python that the other recipe has in its own place are installed here instead of being copied. */
function takePackages(
  state: DraftState,
  { state: other }: DraftedStage,
  path: string,
  target: string,
  at: Instruction['at'],
): boolean {
  const wheels = [...other.wheels].filter(
    ([directory]) => isBelow(path, directory) || isBelow(directory, path),
  )
  const isSite = SITE.test(path)
  const environments = [...other.environments].filter(([directory]) => isBelow(path, directory))
  if (wheels.length === 0 && !isSite && environments.length === 0) return false
  const steps =
    wheels.length > 0
      ? wheels.flatMap(([, step]) => step ?? [])
      : other.draft.entries.flatMap(({ step }) => (step?.kind === 'pip' ? [step] : []))
  if (steps.length === 0) return false
  for (const [file, text] of other.files) state.files.set(file, text)
  for (const file of other.read) state.read.add(file)
  const note = addNote(state, at, `the packages of the other stage are installed here, and not copied`)
  for (const [i, step] of steps.entries()) addStep(state, at, structuredClone(step), i === 0 ? [note] : [])
  for (const [directory, command] of environments) {
    state.environments.set(directory, command)
    if (command !== undefined) addStep(state, at, { kind: 'run', command })
  }
  if (wheels.length > 0) state.wheels.set(target, undefined)
  return true
}
