import type { DebControl } from '../../formats/deb/deb-control.ts'
import type { Step } from '../../recipe/schema.ts'

/**
 * Whether a step may leave behind anything else that apt plans by than packages that are installed: its settings, foreign
 * architectures, held packages, or dpkg's list itself. What runs a command of the recipe's may do anything, and so may
 * a build of Python's. Files count by where they are put: what lies below /opt or /home is the recipe's own.
 */
export function mayChangeApt(step: Step): boolean {
  switch (step.kind) {
    case 'run':
      return true
    case 'apt':
      return step.after !== undefined
    case 'pip':
      return step.after !== undefined || step.local !== undefined || Object.keys(step.sdists).length > 0
    case 'git':
    case 'project':
    case 'copy':
    case 'file':
      return SYSTEM.test(step.to)
  }
}

/** The root, and what lies below it that is not the recipe's own. */
const SYSTEM =
  /^\/($|(bin|sbin|lib[^/]*|boot|dev|etc|proc|run|root|sys|tmp|var)(\/|$)|usr(?!\/local\/(bin|share|src)\/)(\/|$))/

/** Whether a package brings a part of apt or dpkg, or settings of theirs. */
export function bringsApt({ files }: Pick<DebControl, 'files'>): boolean {
  return files.some((path) => APT.test(path))
}

/** Where apt and dpkg have their settings and their state, and what plans. */
const APT =
  /^(etc\/apt\/|etc\/dpkg\/dpkg\.cfg|var\/lib\/(apt|dpkg)\/|(usr\/)?bin\/(apt-get|apt-mark|dpkg)$|(usr\/)?lib\/.*\/libapt-pkg\.so)/
