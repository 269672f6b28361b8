import type { LockedPlatform } from '../lock/schema.ts'
import type { Recipe, Step } from '../recipe/schema.ts'
import { dockerfileWord, execForm } from './quote.ts'
import { stepName } from './step-name.ts'

const ROOT_PATH = '/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin'

/** What a stage of the Dockerfile is built for; the last one when left out. */
export type Target = 'base' | 'account' | (string & {})

/**
 * The Dockerfile of a recipe. Every RUN is without network and takes its files from the build context;
 * the last stage puts one additive layer a step on the base.
 */
export function renderDockerfile(name: string, recipe: Recipe, locked: LockedPlatform): string {
  const flat = recipe.layout === 'flat'
  const stages = [rootStage(locked), 'FROM scratch AS base\nCOPY --from=root /target/ /']
  const layers: string[] = []
  let previous = 'base'
  const add = (stage: string, comment: string, mounts: string[], command: string[]) => {
    const [script, ...args] = command as [string, ...string[]]
    const words = ['sh', `/.stillroom/build/${script}.sh`, flat ? '-' : stage, ...args]
    stages.push(`# ${comment}\nFROM ${previous} AS ${stage}\n${runInstruction(mounts, words)}`)
    layers.push(stage)
    previous = stage
  }
  if (needsAccount(recipe)) add('account', 'the user and the directories', [mount('account', 'step')], ['account'])
  for (const [index, step] of recipe.steps.entries()) {
    const stage = stepName(index, step.kind)
    add(stage, describe(step), stepMounts(stage, step), stepCommand(step, recipe))
  }
  if (flat) {
    stages.push(`# all of it as one tree\nFROM ${previous} AS flat\n${runInstruction([], ['sh', '/.stillroom/build/flat.sh'])}`)
  }
  const last = flat
    ? ['FROM scratch', 'COPY --from=flat /.stillroom/delta/flat/ /']
    : ['FROM base', ...layers.map((stage) => `COPY --link --from=${stage} /.stillroom/delta/${stage}/ /`)]
  stages.push(['# the image: one layer a step', ...last, ...configuration(recipe)].join('\n'))
  return [
    `# Recipe ${name} for ${recipe.platform}. Made by stillroom: change recipes/${name}/recipe.ts, not this file.`,
    `ARG SOURCE_DATE_EPOCH=${locked.epoch}`,
    '',
    `${stages.join('\n\n')}\n`,
  ].join('\n')
}

/** Whether a recipe has a user or a directory of its own to be made before its steps run. */
export function needsAccount(recipe: Recipe): boolean {
  return accountDirectories(recipe).length > 0 || recipe.user !== undefined
}

/** Directories that must exist in the image, each with the numeric id of its owner, parents first. */
export function accountDirectories(recipe: Recipe): { owner: number; path: string }[] {
  const { user, workdir, shared, volumes } = recipe
  const paths = [user?.home, workdir, shared, ...volumes].filter((path) => path !== undefined && path !== '/')
  const owner = user?.uid ?? 0
  return [...new Set(paths as string[])].sort().map((path) => ({ owner, path }))
}

function rootStage(locked: LockedPlatform): string {
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

function runInstruction(mounts: string[], words: string[]): string {
  const options = ['--network=none', mount('build', 'build'), ...mounts]
  return `ARG SOURCE_DATE_EPOCH\nRUN ${options.join(' \\\n    ')} \\\n    ${execForm(words)}`
}

function mount(source: string, target: string): string {
  return `--mount=type=bind,source=${source},target=/.stillroom/${target}`
}

function stepMounts(stage: string, step: Step): string[] {
  const own = mount(`steps/${stage}`, 'step')
  const artifacts = mount(`artifacts/${stage}`, 'artifacts')
  switch (step.kind) {
    case 'apt':
    case 'pip':
      return [own, artifacts]
    case 'project':
      return [artifacts]
    case 'run':
      return typeof step.command === 'string' ? [own] : []
  }
}

function stepCommand(step: Step, recipe: Recipe): string[] {
  switch (step.kind) {
    case 'apt':
    case 'pip':
      return [step.kind]
    case 'project':
      return ['project', step.to, recipe.user ? `${recipe.user.uid}:${recipe.user.uid}` : '0:0']
    case 'run':
      return ['run', ...(typeof step.command === 'string' ? ['sh', '-eu', '/.stillroom/step/script.sh'] : step.command)]
  }
}

function describe(step: Step): string {
  switch (step.kind) {
    case 'apt':
      return `apt: ${shorten(step.packages)}`
    case 'pip':
      return `pip: ${shorten(step.requirements)}`
    case 'project':
      return `project: ${step.path}`
    case 'run':
      return 'a command of the recipe'
  }
}

function shorten(words: string[]): string {
  const shown = words.slice(0, 8).join(' ')
  return words.length > 8 ? `${shown} and ${words.length - 8} more` : shown
}

function configuration(recipe: Recipe): string[] {
  const lines: string[] = []
  const { env, labels, user, workdir, entrypoint, cmd, expose, volumes } = recipe
  lines.push(`ENV ${assignment(['PATH', env['PATH'] ?? ROOT_PATH])}`)
  for (const entry of sorted(env)) if (entry[0] !== 'PATH') lines.push(`ENV ${assignment(entry)}`)
  for (const [key, value] of sorted(labels)) lines.push(`LABEL ${dockerfileWord(key)}=${dockerfileWord(value)}`)
  for (const port of expose) lines.push(`EXPOSE ${port}`)
  for (const volume of volumes) lines.push(`VOLUME ${dockerfileWord(volume)}`)
  if (user) lines.push(`USER ${user.name}`)
  if (workdir) lines.push(`WORKDIR ${dockerfileWord(workdir)}`)
  if (entrypoint) lines.push(`ENTRYPOINT ${execForm(entrypoint)}`)
  if (cmd) lines.push(`CMD ${execForm(cmd)}`)
  return lines
}

function assignment([name, value]: [string, string]): string {
  return `${name}=${dockerfileWord(value)}`
}

function sorted(entries: Record<string, string>): [string, string][] {
  return Object.entries(entries).sort(([a], [b]) => (a < b ? -1 : 1))
}
