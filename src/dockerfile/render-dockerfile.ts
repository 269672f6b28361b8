import { otherRecipes, rootRecipe } from '../lock/other-recipes.ts'
import type {
  LockedBase,
  LockedDebianBase,
  LockedImageBase,
  LockedPlatform,
  LockedStep,
} from '../lock/schema.ts'
import type { Recipe, Step } from '../recipe/schema.ts'
import { placeOf } from './context-artifacts.ts'
import { type BasedRecipe, onBase } from './image-base.ts'
import { ownedDirectories, projectOwner } from './owned-directories.ts'
import { type SdistStage, sdistStages, stepLayers, type WheelLayer, wheelLayers } from './pip-stages.ts'
import { execForm } from './quote.ts'
import { renderConfiguration, renderEnvironment } from './render-configuration.ts'
import { stepName } from './step-name.ts'

/** The stage that is the image. */
const LAST_STAGE = 'image'

/** The stage that is the image so far, with what a step of this stage added. */
export const layerStage = (stage: string) => `${stage}-layer`

/** The stages that make the image's layers of what was built: they run nothing. */
export function packingStages(written: Recipe, locked: LockedPlatform): string[] {
  return ['base', ...(layerStages(written, locked) ?? []).map(layerStage), LAST_STAGE]
}

/**
 * The stages to build again when a step is to run again: without those that take layers, BuildKit would take a layer from
 * before where all but the times of files is the same.
 *
 * @returns none when the recipe has no such step
 */
export function stagesFrom(written: Recipe, locked: LockedPlatform, step: string): string[] {
  const steps = written.steps.map(({ kind }, index) => ({
    name: stepName(index, kind),
    pin: locked.steps[index],
  }))
  const start = steps.findIndex(({ name }) => name === step)
  if (start < 0) return []
  const rest = steps.slice(start)
  const built = rest.flatMap(({ name, pin }) => sdistStages(name, pin).map(({ stage }) => stage))
  const again = rest.flatMap(({ name, pin }) => stepLayers(name, pin))
  return [...built, ...again, ...(written.layout === 'flat' ? ['flat'] : again.map(layerStage)), LAST_STAGE]
}

/**
 * The Dockerfile of a recipe. Every RUN is without network and takes its files from the build context. A step runs on the
 * image as it is so far, base and layers, and one additive layer is taken from it: what else the step's stage holds is of no
 * use once that is done.
 *
 * @param only stages of steps: the image has their layers alone, on nothing, with the settings of the whole one
 */
export function renderDockerfile(
  name: string,
  written: Recipe,
  locked: LockedPlatform,
  only?: readonly string[],
): string {
  const recipe = onBase(written, locked.base)
  const others = otherRecipes(locked).map((other) => {
    const scope = { prefix: otherStage(other.name, ''), recipe: other.name, epoch: other.locked.epoch }
    const based = onBase(other.recipe, other.locked.base)
    return `# --- recipe ${other.name}, whose files are taken ---\n\n${renderStages(based, other.locked, scope).join('\n\n')}`
  })
  const stages = renderStages(recipe, locked, OWN, only)
  const last = `${stages.pop()}\n${renderConfiguration(recipe).join('\n')}`
  const separator = others.length > 0 ? [`# --- recipe ${name} ---`] : []
  return [
    `# Recipe ${name} for ${recipe.platform}. Made by stillroom: change recipes/${name}/recipe.ts, not this file.`,
    `ARG SOURCE_DATE_EPOCH=${locked.epoch}`,
    '',
    `${[...others, ...separator, ...stages, last].join('\n\n')}\n`,
  ].join('\n')
}

/** Where the stages of a recipe are: its own Dockerfile, or that of another one that takes files from it. */
interface Scope {
  /** Of the names of stages. */
  prefix: string
  /** The other recipe, in the Dockerfile of one that takes files from it. */
  recipe?: string
  /** Set where the Dockerfile's own is that of another recipe. */
  epoch?: number
}

const OWN: Scope = { prefix: '' }

/** The stage of another recipe in the Dockerfile of one that takes files from it. */
const otherStage = (recipe: string, stage: string) => `recipe.${recipe}.${stage}`

/** The stage that is the whole image of a recipe that files are taken from, without its settings. */
export const otherImageStage = (recipe: string) => otherStage(recipe, LAST_STAGE)

/** A stage that runs a program on the image so far, and whose changes are a layer of it. */
interface Work {
  stage: string
  comment: string
  mounts: string[]
  command: [program: string, ...string[]]
}

/** The stages of a recipe; the last one has its layers, and no settings yet. */
function renderStages(
  recipe: BasedRecipe,
  locked: LockedPlatform,
  scope: Scope,
  only?: readonly string[],
): string[] {
  const { prefix } = scope
  const flat = recipe.layout === 'flat'
  const clock = clockOf(locked, scope)
  const stages =
    locked.base.kind === 'recipe'
      ? [baseStage(locked, scope)]
      : [
          rootStage(locked.base, scope),
          ...(hasClock(locked.base) ? [clockStage(scope)] : []),
          baseStage(locked, scope),
        ]
  const layers: string[] = []
  let previous = 'base'
  /** What is given together runs on the same image, and needs nothing of one another. */
  const add = (...work: Work[]) => {
    const before = previous
    for (const { stage, comment, mounts, command } of work) {
      const [script, ...args] = command
      const program = `/.stillroom/build/${script}.sh`
      const run = runInstruction(mounts, ['sh', program, flat ? '-' : stage, ...args], scope)
      stages.push(`# ${comment}\nFROM ${prefix}${flat ? previous : before} AS ${prefix}${stage}\n${run}`)
      if (flat) previous = stage
    }
    if (flat) return
    // last of all that stands on a stage: else the image's history has entries of the stages beside it (decision 58)
    for (const { stage } of work) {
      layers.push(stage)
      stages.push(`FROM ${prefix}${previous} AS ${prefix}${layerStage(stage)}\n${copyLayer(stage, scope)}`)
      previous = layerStage(stage)
    }
  }
  if (needsAccount(recipe))
    add({
      stage: 'account',
      comment: 'the user and the directories',
      mounts: [mount('account', 'step', scope)],
      command: ['account'],
    })
  for (const [index, step] of recipe.steps.entries()) {
    const stage = stepName(index, step.kind)
    const pin = locked.steps[index]
    for (const sdist of sdistStages(stage, pin)) stages.push(sdistStage(sdist, stage, previous, clock, scope))
    const wheels = wheelLayers(stage, pin).map((layer): Work => wheelWork(layer, stage, clock, scope))
    if (wheels.length > 0) add(...wheels)
    add({
      stage,
      comment: describe(step),
      mounts: stepMounts(stage, step, pin, clock, scope),
      command: stepCommand(stage, step, recipe, pin),
    })
  }
  if (flat) {
    const run = runInstruction([], ['sh', '/.stillroom/build/flat.sh'], scope)
    stages.push(`# all of it as one tree\nFROM ${prefix}${previous} AS ${prefix}flat\n${run}`)
  }
  let last = [`FROM ${prefix}${previous} AS ${prefix}${LAST_STAGE}`]
  if (flat)
    last = [`FROM scratch AS ${prefix}${LAST_STAGE}`, `COPY --from=${prefix}flat /.stillroom/delta/flat/ /`]
  else if (only !== undefined)
    last = [
      `FROM scratch AS ${prefix}${LAST_STAGE}`,
      ...baseEnvironment(locked),
      ...layers.filter((stage) => only.includes(stage)).map((stage) => copyLayer(stage, scope)),
    ]
  return [...stages, ['# the image', ...last].join('\n')]
}

const copyLayer = (stage: string, { prefix }: Scope) =>
  `COPY --link --from=${prefix}${stage} /.stillroom/delta/${stage}/ /`

/**
 * The stage that is the image of a recipe's steps, without its settings: that of layers which the recipe's images have, too, so that an
 * engine which has one of them has that of this stage; of a flat recipe the tree that the last step worked in.
 */
export function stageAfter({ steps, layout }: Recipe): string {
  const last = steps.at(-1)
  if (last === undefined) return 'base'
  const stage = stepName(steps.length - 1, last.kind)
  return layout === 'flat' ? stage : layerStage(stage)
}

/** The stages whose layers an image has above its base's only one, lowest first; undefined of one that is a single layer. */
export function layerStages(written: Recipe, locked: LockedPlatform): string[] | undefined {
  const recipe = onBase(written, locked.base)
  if (recipe.layout === 'flat') return undefined
  const steps = recipe.steps.flatMap(({ kind }, index) =>
    stepLayers(stepName(index, kind), locked.steps[index]),
  )
  return needsAccount(recipe) ? ['account', ...steps] : steps
}

/** Whether a recipe has a user or a directory of its own to be made before its steps run. */
export function needsAccount(recipe: BasedRecipe): boolean {
  return ownedDirectories(recipe).length > 0 || recipe.user !== undefined
}

function rootStage(base: LockedDebianBase | LockedImageBase, scope: Scope): string {
  if (base.kind === 'image') return layersStage(base, scope)
  const { suite, packages } = base
  const { prefix, recipe } = scope
  const mounts = [mount('base', 'step', scope), mount('artifacts/base', 'artifacts', scope)]
  return [
    '# just enough to run dpkg and a shell',
    `FROM scratch AS ${prefix}seed`,
    `ADD ${placeOf(recipe, 'artifacts/seed')}/*.tar /`,
    '',
    `# Debian ${suite}: ${packages.length} packages, put in place by dpkg itself`,
    `FROM ${prefix}seed AS ${prefix}root`,
    runInstruction(mounts, ['/bin/dash', '/.stillroom/build/bootstrap.sh', suite], scope),
  ].join('\n')
}

/** Steps run in the environment of a base from a registry, as its programs may need it. */
function baseStage(locked: LockedPlatform, { prefix }: Scope): string {
  const from =
    locked.base.kind === 'recipe'
      ? [
          `# the image of recipe ${locked.base.recipe}`,
          `FROM ${otherImageStage(locked.base.recipe)} AS ${prefix}base`,
        ]
      : [`FROM scratch AS ${prefix}base`, `COPY --from=${prefix}root /target/ /`]
  return [...from, ...baseEnvironment(locked)].join('\n')
}

const baseEnvironment = ({ base }: LockedPlatform) =>
  base.kind === 'debian' ? [] : renderEnvironment(base.configuration.env)

function layersStage({ reference, manifest, layers }: LockedImageBase, scope: Scope): string {
  const { prefix, recipe } = scope
  return [
    "# the base's layers as they are, deletions unheeded: just enough to run its shell and tar",
    `FROM scratch AS ${prefix}seed`,
    `ADD ${placeOf(recipe, 'artifacts/layers')}/*.tar /`,
    '',
    `# ${reference} (${manifest}): ${layers.length} layers as one`,
    `FROM ${prefix}seed AS ${prefix}root`,
    runInstruction(
      [mount('artifacts/layers', 'artifacts', scope)],
      ['/bin/sh', '/.stillroom/build/image-base.sh'],
      scope,
    ),
  ].join('\n')
}

/** Whether steps see a clock of their own: it is compiled from build/clock.c by a package of the suite. */
export function hasClock(base: LockedBase): boolean {
  return base.kind === 'debian' && base.clock !== undefined
}

/** The stage that steps have their clock from, which is that of the recipe at the bottom; undefined when there is none. */
function clockOf(locked: LockedPlatform, { prefix }: Scope): string | undefined {
  const root = rootRecipe(locked)
  if (root !== undefined) return hasClock(root.locked.base) ? otherStage(root.name, 'clock') : undefined
  return hasClock(locked.base) ? `${prefix}clock` : undefined
}

function clockStage(scope: Scope): string {
  const { prefix } = scope
  const mounts = [mount('artifacts/clock', 'artifacts', scope)]
  return [
    '# what programs of the steps see of time',
    `FROM ${prefix}seed AS ${prefix}compiled`,
    runInstruction(mounts, ['/bin/dash', '/.stillroom/build/clock.sh'], scope),
    '',
    `FROM scratch AS ${prefix}clock`,
    `COPY --from=${prefix}compiled /clock/ /clock/`,
  ].join('\n')
}

/** What a program of `build/` takes of it besides itself and layer.sh. */
const PROGRAM_FILES: Record<string, string[]> = {
  'apt.sh': ['leave-out.sh', 'left-out.txt', 'byte-code.py'],
  'pip.sh': ['pip-settings.sh', 'byte-code.py'],
  'sdist.sh': ['pip-settings.sh'],
  'run.sh': ['byte-code.py'],
  'clock.sh': ['clock.c'],
}

/**
 * The build argument is the epoch of the recipe that is built; that of another one is set against it. Each RUN has the files of `build/`
 * that it takes and no others: BuildKit runs it again when one of them is another, or a recipe's other steps bring more of them.
 */
function runInstruction(
  mounts: string[],
  words: [shell: string, program: string, ...string[]],
  scope: Scope,
): string {
  const program = words[1].replace(/^.*\//, '')
  const programs = [program, 'layer.sh', ...(PROGRAM_FILES[program] ?? [])]
  const options = [
    '--network=none',
    ...programs.map((file) => mount(`build/${file}`, `build/${file}`, scope)),
    ...mounts,
  ]
  const epoch = scope.epoch === undefined ? 'ARG SOURCE_DATE_EPOCH' : `ENV SOURCE_DATE_EPOCH=${scope.epoch}`
  return `${epoch}\nRUN ${options.join(' \\\n    ')} \\\n    ${execForm(words)}`
}

function mount(source: string, target: string, { recipe }: Scope): string {
  return `--mount=type=bind,source=${placeOf(recipe, source)},target=/.stillroom/${target}`
}

/** A whole stage, read-only. */
const mountStage = (stage: string, source: string, target: string) =>
  `--mount=type=bind,from=${stage},source=${source},target=/.stillroom/${target}`

const mountClock = (clock: string | undefined) =>
  clock === undefined ? [] : [mountStage(clock, '/clock', 'clock')]

/** Each source distribution is made a wheel by a stage of its own, which is as it was whatever else the step installs. */
function sdistStage(
  { stage, sdist, build }: SdistStage,
  step: string,
  before: string,
  clock: string | undefined,
  scope: Scope,
): string {
  const files = [sdist, ...build].map(({ file }) => file)
  const requirements = `build-${sdist.name}.txt`
  const mounts = [
    ...(build.length > 0 ? [mount(`steps/${step}/${requirements}`, `step/${requirements}`, scope)] : []),
    ...files.map((file) => mount(`artifacts/${step}/${file}`, `artifacts/${file}`, scope)),
    ...mountClock(clock),
  ]
  const words = ['sh', '/.stillroom/build/sdist.sh', sdist.name, sdist.file] as const
  return [
    `# a wheel of ${sdist.file}`,
    `FROM ${scope.prefix}${before} AS ${scope.prefix}${stage}`,
    runInstruction(mounts, [...words], scope),
  ].join('\n')
}

function wheelWork(
  { stage, directory, files }: WheelLayer,
  step: string,
  clock: string | undefined,
  scope: Scope,
): Work {
  return {
    stage,
    comment: `pip: ${shorten(files.map(({ name }) => name))}`,
    mounts: [
      mount(`steps/${step}/${directory}`, 'step', scope),
      mount(`artifacts/${step}/${directory}`, 'artifacts', scope),
      ...mountClock(clock),
    ],
    command: ['pip'],
  }
}

function stepMounts(
  stage: string,
  step: Step,
  pin: LockedStep | undefined,
  clock: string | undefined,
  scope: Scope,
): string[] {
  const own = mount(`steps/${stage}`, 'step', scope)
  const files = mount(`artifacts/${stage}`, 'artifacts', scope)
  const time = mountClock(clock)
  const built = sdistStages(stage, pin).map((made) =>
    mountStage(`${scope.prefix}${made.stage}`, '/.stillroom/wheels', `built/${made.sdist.name}`),
  )
  if (step.kind === 'run') return [...(typeof step.command === 'string' ? [own] : []), ...time]
  if (step.kind === 'copy') return [own, mountStage(otherImageStage(step.from.name), '/', 'image')]
  return step.kind === 'apt' || step.kind === 'pip' ? [own, files, ...built, ...time] : [own, files]
}

function stepCommand(
  stage: string,
  step: Step,
  recipe: BasedRecipe,
  pin: LockedStep | undefined,
): [string, ...string[]] {
  const owner = `${projectOwner(recipe)}:${projectOwner(recipe)}`
  switch (step.kind) {
    case 'apt':
    case 'pip':
      return [step.kind]
    case 'git':
      return ['git', stage, step.to, owner, step.subdir ?? '.']
    case 'file':
      return step.unpack
        ? ['file', 'unpack', step.to, owner, String(step.strip)]
        : ['file', 'place', step.to, owner, step.mode]
    case 'project':
      return ['project', step.to, owner]
    case 'copy':
      return ['copy', pin?.kind === 'copy' ? pin.path : step.path, step.to]
    case 'run':
      return [
        'run',
        ...(typeof step.command === 'string' ? ['sh', '-eu', '/.stillroom/step/script.sh'] : step.command),
      ]
  }
}

function describe(step: Step): string {
  switch (step.kind) {
    case 'apt':
      return `apt: ${shorten(step.packages)}`
    case 'pip':
      return `pip: ${shorten(step.requirements)}`
    case 'git':
      return `git: ${step.url} ${step.ref}`
    case 'file':
      return `file: ${step.url}`
    case 'project':
      return `project: ${step.path}`
    case 'copy':
      return `copy: ${step.path} of recipe ${step.from.name}`
    case 'run':
      return typeof step.command === 'string' ? 'run: a script of the recipe' : 'run: a command of the recipe'
  }
}

function shorten(words: string[]): string {
  const shown = words.slice(0, 8).join(' ')
  return words.length > 8 ? `${shown} and ${words.length - 8} more` : shown
}
