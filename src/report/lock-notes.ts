import { LEFT_OUT } from '../dockerfile/left-out.ts'
import { stepName } from '../dockerfile/step-name.ts'
import { rootRecipe } from '../lock/other-recipes.ts'
import { recordedRecipe } from '../lock/recorded-recipe.ts'
import type { LockedPlatform, Lockfile } from '../lock/schema.ts'
import { CAUSES } from '../verify/cause.ts'
import { KNOWN_TO_VARY, PACKAGES_THAT_VARY } from '../verify/known-to-vary.ts'

/**
 * What an author should know of what was locked, a line each: what packages make as they are installed that no image has,
 * and what is known not to be built the same way twice, with its cause and a way out.
 */
export function lockNotes(lock: Lockfile): string[] {
  return [...Object.values(lock.platforms).flatMap(platformNotes), ...commandNotes(lock)]
}

function platformNotes(locked: LockedPlatform): string[] {
  const { steps } = locked
  const { base } = rootRecipe(locked)?.locked ?? locked
  const names = new Set(
    steps.flatMap((step) => (step.kind === 'apt' ? step.packages.map(({ name }) => name) : [])),
  )
  const leftOut = LEFT_OUT.filter((entry) => names.has(entry.package)).map(
    (entry) => `${entry.package}: ${entry.what}: made in each container, not in the image: ${entry.made}`,
  )
  const vary = PACKAGES_THAT_VARY.filter((entry) => names.has(entry.package)).map(
    ({ package: name, what, cause, advice }) =>
      `${name}: ${what} vary from build to build (${CAUSES[cause].title}), unless its step takes them away: ${advice}`,
  )
  const hasClock = base.kind === 'debian' && base.clock !== undefined
  const known = [...leftOut, ...vary]
  return hasClock
    ? known
    : [...known, `steps see the clock of the machine that builds: ${CAUSES.timestamp.advice}`]
}

/** Of each kind of thing that varies, the first that a command or a step's cleaning up has. */
function commandNotes(lock: Lockfile): string[] {
  return recordedRecipe(lock).steps.flatMap((step, index) => {
    const commands =
      step.kind === 'run' ? [step.command].flat() : 'after' in step && step.after ? [step.after] : []
    const text = commands.join(' ')
    return KNOWN_TO_VARY.flatMap(({ words, cause }) => {
      const [found] = words.exec(text) ?? []
      if (found === undefined) return []
      const { title, advice } = CAUSES[cause]
      return [
        `${stepName(index, step.kind)}: "${found}" is known to vary from build to build (${title}): ${advice}`,
      ]
    })
  })
}
