import { stepName } from '../../dockerfile/step-name.ts'
import type { ExpectedFile } from '../expect/expected-files.ts'
import type { Issue } from '../finding.ts'
import type { LockSubject } from '../subject.ts'
import { isLockedImage, type JudgeContext } from './judge-context.ts'

/** What every build leaves out: of the first, all; of the second, all but directories. */
const SCRUBBED =
  /^(dev|proc|sys|tmp|var\/tmp|var\/lib\/apt\/lists|var\/log\/apt|var\/cache\/(man|fontconfig))\/|^var\/cache\/apt\/[^/]+\.bin$/
const SCRUBBED_FILES = /^run\//
/** What images of others may have cleaned away, too. */
const CLEANED = /^(run|tmp|var\/tmp|var\/cache|var\/log|var\/lib\/apt)\//

/** Of any image, whatever its packages are. */
const USER_ACCOUNT_FILES = ['etc/passwd', 'etc/group']

/**
 * Files that should be there and are not.
 *
 * @param present what is expected at the paths that the image has
 */
export function missingFiles(
  { expected, image, lock, makers, packages }: JudgeContext,
  present: ReadonlySet<readonly ExpectedFile[]>,
): Issue[] {
  // in one layer with all that the base brings, a command of the recipe may remove any of it
  const removesAny = makers.some(({ name, by }) => name === 'steps' && by === 'commands')
  const issues = new Map<string, Issue>()
  const isLocked = lock !== undefined && isLockedImage(image, lock)
  for (const path of lock === undefined || isLocked ? [] : USER_ACCOUNT_FILES)
    if (image.tree.find(path) === undefined)
      issues.set(path, { rule: 'file-missing', path, message: 'the file of user accounts is not there' })
  const cleaned = lock !== undefined && isLocked ? stepsThatCleanUp(lock) : new Set()
  for (const [path, files] of expected.entries()) {
    if (present.has(files)) continue
    const [file] = files
    if (file === undefined || files.some(({ optional }) => optional) || issues.has(path)) continue
    if (isLeftOut(path, file, lock !== undefined)) continue
    if (
      isLocked &&
      (removesAny || files.every(({ made }) => made) || expected.effects.namedBy(path).length > 0)
    )
      continue
    if (image.tree.findLink(path) !== undefined) continue
    if (files.every(({ owner }) => cleaned.has(packages.get(owner)?.step))) continue
    const { owner, type } = file
    issues.set(path, { rule: 'file-missing', path, owner, message: `the ${type} of ${owner} is not there` })
  }
  return [...issues.values()]
}

/** Steps whose own cleaning up, in their own layer, may delete what their packages bring. */
function stepsThatCleanUp({ recipe }: LockSubject): ReadonlySet<string | undefined> {
  return new Set(
    recipe.steps.flatMap((step, index) =>
      (step.kind === 'apt' || step.kind === 'pip') && step.after !== undefined
        ? [stepName(index, step.kind)]
        : [],
    ),
  )
}

function isLeftOut(path: string, { type }: ExpectedFile, hasLock: boolean): boolean {
  if (SCRUBBED.test(path) || (!hasLock && CLEANED.test(path))) return true
  return type !== 'directory' && SCRUBBED_FILES.test(path)
}
