import { stepName } from '../../dockerfile/step-name.ts'
import { StillroomError } from '../../error.ts'
import type { LockedStep, PythonFile } from '../../lock/schema.ts'
import type { Distribution } from '../../resolve/python/list-distributions.ts'

/**
 * A layer only adds: what an earlier one holds cannot be taken out of it.
 *
 * @param removed what pip took away, of which there is one at least
 * @param files what the step installs
 * @param steps those before it
 */
export function replacesEarlier(
  removed: readonly Distribution[],
  files: readonly PythonFile[],
  steps: readonly LockedStep[],
): StillroomError {
  const own = stepName(steps.length, 'pip')
  const places = new Set<string>()
  const provided: string[] = []
  const lines = removed.map(({ name, version }) => {
    const index = steps.findLastIndex(
      (step) => step.kind === 'pip' && [...step.files, ...step.local].some((entry) => entry.name === name),
    )
    const earlier = index < 0 ? "the image's packages" : stepName(index, 'pip')
    if (index < 0) provided.push(`${name}==${version}`)
    else places.add(earlier)
    const instead = files.find((file) => file.name === name)?.version
    const by = instead === undefined ? 'is taken away by' : `is replaced by ${instead} in`
    return `  ${name} ${version} of ${earlier} ${by} ${own}`
  })
  const ways = [
    ...(places.size > 0
      ? [`ask for one version in one step: put the requirements of ${own} into ${[...places].join(', ')}`]
      : []),
    // newer pips of Debian take away what its packages brought; older ones put the other version in front
    ...(provided.length > 0
      ? [
          `ask for what goes with ${provided.join(', ')}, or correct in a run step before what asks for another: the requirements in the metadata of an installed package (METADATA, requires.txt)`,
        ]
      : []),
    "set layout: 'flat' in the recipe",
  ]
  return new StillroomError(
    'PIP_REPLACES',
    `${own} takes away files of an earlier step, which a layer cannot:\n${lines.join('\n')}`,
    { hint: ways.join('; or ') },
  )
}
