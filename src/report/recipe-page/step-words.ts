import { stepName } from '../../dockerfile/step-name.ts'
import type { Recipe, Step } from '../../recipe/schema.ts'

/** What the base and each step of a recipe bring, by name, in a line. */
export function stepWords({ base, steps }: Pick<Recipe, 'base' | 'steps'>): Map<string, string> {
  const first =
    base.kind === 'debian' ? `Debian ${base.suite}: its essential packages and apt` : base.reference
  return new Map([
    ['base', first],
    ...steps.map((step, index) => [stepName(index, step.kind), wordsOf(step)] as const),
  ])
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
    case 'run':
      return `command: ${typeof step.command === 'string' ? step.command : step.command.join(' ')}`
  }
}
