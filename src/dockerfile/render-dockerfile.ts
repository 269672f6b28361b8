import type { LockedBase, LockedImageBase, LockedPlatform } from '../lock/schema.ts'
import type { Recipe, Step } from '../recipe/schema.ts'
import { type BasedRecipe, onBase } from './image-base.ts'
import { ownedDirectories, projectOwner } from './owned-directories.ts'
import { execForm } from './quote.ts'
import { renderConfiguration, renderEnvironment } from './render-configuration.ts'
import { stepName } from './step-name.ts'

/** The stage that is the image. */
const LAST_STAGE = 'image'

/** The stage that is the image so far, with what a step of this stage added. */
const layerStage = (stage: string) => `${stage}-layer`

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
export function stagesFrom(written: Recipe, step: string): string[] {
  const steps = written.steps.map(({ kind }, index) => stepName(index, kind))
  const start = steps.indexOf(step)
  if (start < 0) return []
  const again = steps.slice(start)
  return [...again, ...(written.layout === 'flat' ? ['flat'] : again.map(layerStage)), LAST_STAGE]
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
  const flat = recipe.layout === 'flat'
  const clock = hasClock(locked.base)
  const stages = [rootStage(locked), ...(clock ? [CLOCK_STAGE] : []), baseStage(locked)]
  const layers: string[] = []
  let previous = 'base'
  const add = (stage: string, comment: string, mounts: string[], command: string[]) => {
    const [script, ...args] = command as [string, ...string[]]
    const words = ['sh', `/.stillroom/build/${script}.sh`, flat ? '-' : stage, ...args]
    const before = previous
    stages.push(`# ${comment}\nFROM ${previous} AS ${stage}\n${runInstruction(mounts, words)}`)
    previous = stage
    if (flat) return
    layers.push(stage)
    previous = layerStage(stage)
    stages.push(`FROM ${before} AS ${previous}\n${copyLayer(stage)}`)
  }
  if (needsAccount(recipe))
    add('account', 'the user and the directories', [mount('account', 'step')], ['account'])
  for (const [index, step] of recipe.steps.entries()) {
    const stage = stepName(index, step.kind)
    add(stage, describe(step), stepMounts(stage, step, clock), stepCommand(stage, step, recipe))
  }
  if (flat) {
    stages.push(
      `# all of it as one tree\nFROM ${previous} AS flat\n${runInstruction([], ['sh', '/.stillroom/build/flat.sh'])}`,
    )
  }
  let last = [`FROM ${previous} AS ${LAST_STAGE}`]
  if (flat) last = [`FROM scratch AS ${LAST_STAGE}`, 'COPY --from=flat /.stillroom/delta/flat/ /']
  else if (only !== undefined)
    last = [
      `FROM scratch AS ${LAST_STAGE}`,
      ...baseEnvironment(locked),
      ...layers.filter((stage) => only.includes(stage)).map(copyLayer),
    ]
  stages.push(['# the image', ...last, ...renderConfiguration(recipe)].join('\n'))
  return [
    `# Recipe ${name} for ${recipe.platform}. Made by stillroom: change recipes/${name}/recipe.ts, not this file.`,
    `ARG SOURCE_DATE_EPOCH=${locked.epoch}`,
    '',
    `${stages.join('\n\n')}\n`,
  ].join('\n')
}

const copyLayer = (stage: string) => `COPY --link --from=${stage} /.stillroom/delta/${stage}/ /`

/** The stages whose layers an image has above its base's only one, lowest first; undefined of one that is a single layer. */
export function layerStages(written: Recipe, locked: LockedPlatform): string[] | undefined {
  const recipe = onBase(written, locked.base)
  if (recipe.layout === 'flat') return undefined
  const steps = recipe.steps.map(({ kind }, index) => stepName(index, kind))
  return needsAccount(recipe) ? ['account', ...steps] : steps
}

/** Whether a recipe has a user or a directory of its own to be made before its steps run. */
export function needsAccount(recipe: BasedRecipe): boolean {
  return ownedDirectories(recipe).length > 0 || recipe.user !== undefined
}

function rootStage(locked: LockedPlatform): string {
  if (locked.base.kind === 'image') return layersStage(locked.base)
  const { suite, packages } = locked.base
  const mounts = [mount('base', 'step'), mount('artifacts/base', 'artifacts')]
  return [
    '# just enough to run dpkg and a shell',
    'FROM scratch AS seed',
    'ADD artifacts/seed/*.tar /',
    '',
    `# Debian ${suite}: ${packages.length} packages, put in place by dpkg itself`,
    'FROM seed AS root',
    runInstruction(mounts, ['/bin/dash', '/.stillroom/build/bootstrap.sh', suite]),
  ].join('\n')
}

/** Steps run in the environment of a base from a registry, as its programs may need it. */
function baseStage(locked: LockedPlatform): string {
  return ['FROM scratch AS base', 'COPY --from=root /target/ /', ...baseEnvironment(locked)].join('\n')
}

const baseEnvironment = ({ base }: LockedPlatform) =>
  base.kind === 'image' ? renderEnvironment(base.configuration.env) : []

function layersStage({ reference, manifest, layers }: LockedImageBase): string {
  const program = ['/bin/sh', '/.stillroom/build/image-base.sh']
  return [
    "# the base's layers as they are, deletions unheeded: just enough to run its shell and tar",
    'FROM scratch AS seed',
    'ADD artifacts/layers/*.tar /',
    '',
    `# ${reference} (${manifest}): ${layers.length} layers as one`,
    'FROM seed AS root',
    runInstruction([mount('artifacts/layers', 'artifacts')], program),
  ].join('\n')
}

/** Whether steps see a clock of their own: it is compiled from build/clock.c by a package of the suite. */
export function hasClock(base: LockedBase): boolean {
  return base.kind === 'debian' && base.clock !== undefined
}

const CLOCK_STAGE = [
  '# what programs of the steps see of time',
  'FROM seed AS compiled',
  runInstruction([mount('artifacts/clock', 'artifacts')], ['/bin/dash', '/.stillroom/build/clock.sh']),
  '',
  'FROM scratch AS clock',
  'COPY --from=compiled /clock/ /clock/',
].join('\n')

function runInstruction(mounts: string[], words: string[]): string {
  const options = ['--network=none', mount('build', 'build'), ...mounts]
  return `ARG SOURCE_DATE_EPOCH\nRUN ${options.join(' \\\n    ')} \\\n    ${execForm(words)}`
}

function mount(source: string, target: string): string {
  return `--mount=type=bind,source=${source},target=/.stillroom/${target}`
}

function stepMounts(stage: string, step: Step, clock: boolean): string[] {
  const own = mount(`steps/${stage}`, 'step')
  const files = mount(`artifacts/${stage}`, 'artifacts')
  const time = clock ? ['--mount=type=bind,from=clock,source=/clock,target=/.stillroom/clock'] : []
  if (step.kind === 'run') return [...(typeof step.command === 'string' ? [own] : []), ...time]
  return step.kind === 'apt' || step.kind === 'pip' ? [own, files, ...time] : [own, files]
}

function stepCommand(stage: string, step: Step, recipe: BasedRecipe): string[] {
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
    case 'run':
      return typeof step.command === 'string' ? 'run: a script of the recipe' : 'run: a command of the recipe'
  }
}

function shorten(words: string[]): string {
  const shown = words.slice(0, 8).join(' ')
  return words.length > 8 ? `${shown} and ${words.length - 8} more` : shown
}
