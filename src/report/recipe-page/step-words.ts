import { stepName } from '../../dockerfile/step-name.ts'
import type { LockedBase } from '../../lock/schema.ts'
import type { Recipe, Step } from '../../recipe/schema.ts'
import type { StepKind } from './part-tree.ts'

/** What the base, each step of a recipe, and all that is no step bring: a line, by name. */
export function stepWords({ base, steps }: Pick<Recipe, 'base' | 'steps'>): Map<string, string> {
  const first =
    base.kind === 'debian' ? `Debian ${base.suite}: its essential packages and apt` : baseName(base)
  return new Map([
    ...Object.entries(OTHERS),
    ['base', first],
    ...steps.map((step, index) => [stepName(index, step.kind), wordsOf(step)] as const),
  ])
}

/** What a base is called in a few words. */
export function baseName(base: Recipe['base'] | LockedBase): string {
  if (base.kind === 'debian') return `Debian ${base.suite}`
  if (base.kind === 'image') return base.reference
  return `recipe ${'recipe' in base ? base.recipe : base.name}`
}

const OTHERS: Partial<Record<StepKind, string>> = {
  account: 'the user and the directories of the recipe',
  steps: 'what the steps made: the image has one layer, which does not say which of them',
  generated: 'made of what packages bring as they were set up: byte code, indexes, settings',
  unknown: 'not known whose it is',
}

function wordsOf(step: Step): string {
  switch (step.kind) {
    case 'apt':
      return `Debian packages: ${step.packages.join(', ')}`
    case 'pip': {
      const others = [...(step.files ?? []), ...(step.local ?? [])].map(({ path }) => path)
      return `Python packages: ${[...step.requirements, ...others].join(', ')}`
    }
    case 'git':
      return `${step.url}, ${step.ref}, at ${step.to}`
    case 'file':
      return `${step.url} at ${step.to}`
    case 'project':
      return `${step.path} of the repository at ${step.to}`
    case 'copy':
      return `${step.path} of the image of recipe ${step.from.name} at ${step.to}`
    case 'run':
      return `command: ${typeof step.command === 'string' ? step.command : step.command.join(' ')}`
  }
}
