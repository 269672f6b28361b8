import { isBelow, resolvePath } from '../copied-files.ts'
import type { StepDraft } from './recipe-draft.ts'

/** What packages and accounts are taken away by, and what `find` deletes. */
const TAKES_AWAY =
  /\b(apt-get|apt|aptitude)\b[^;&|\n]*\s(purge|remove|auto-?remove)\b|\bdpkg\s[^;&|\n]*(-[rP]\b|--remove|--purge)|\bpip[\d.]*\s+uninstall\b|\b(userdel|groupdel|deluser|delgroup)\s|\s-delete\b|-exec\s+rm\s|xargs\b[^;&|\n]*\srm\b/
/** Emptied after each step anyway. */
const SCRUBBED = /^["']?(\/tmp|\/var\/tmp|\/var\/lib\/apt\/lists|\/var\/cache\/apt|\/run)(\/|["']?$)/

/**
 * Whether a run step may delete what an earlier layer holds: it takes packages away, or deletes or moves a path that it has not
 * named before, or that an earlier step placed.
 */
export function deletesFiles(step: StepDraft, earlier: readonly StepDraft[]): boolean {
  if (step.kind !== 'run') return false
  const { command } = step
  if (TAKES_AWAY.test(command)) return true
  return [...command.matchAll(/(^|[\s;&|({'"])(rm|rmdir|mv|unlink)\s+([^;&|\n]*)/g)].some((found) => {
    const [, , program, rest = ''] = found
    const before = command.slice(0, found.index)
    const words = rest.split(/\s+/).filter((word) => word !== '' && !/^(-|\d*[<>])/.test(word))
    const gone = program === 'mv' ? words.slice(0, -1) : words
    const placed = earlier.flatMap((each) => ('to' in each ? [each.to] : []))
    if (
      gone.some((word) => placed.some((path) => isBelow(path, resolvePath('/', word.replace(/["']/g, '')))))
    )
      return true
    return gone.some((word) => !SCRUBBED.test(word) && !(/^[\w./"'-]+$/.test(word) && before.includes(word)))
  })
}
