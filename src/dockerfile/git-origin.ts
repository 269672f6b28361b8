import type { LockedGit } from '../lock/schema.ts'
import type { GitStep } from '../recipe/schema.ts'

/** Where an image says what a git step placed, below its root. */
export function gitOriginPath(stage: string): string {
  return `usr/share/stillroom/git/${stage}.json`
}

/** What it says: JSON, with what pins the files. */
export function renderGitOrigin(step: GitStep, { commit, tree, submodules, lfs }: LockedGit): string {
  const { url, ref, to, subdir } = step
  const origin = { url, ref, commit, tree, to, ...(subdir === undefined ? {} : { subdir }), submodules, lfs }
  return `${JSON.stringify(origin, null, 2)}\n`
}
