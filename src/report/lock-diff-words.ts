import { compareLevels } from '../lock/diff/levels.ts'
import type {
  ChangeClass,
  CommitLog,
  FieldChange,
  ImageChange,
  LockDiff,
  PackageChange,
  PackageState,
  RecipeDiff,
} from '../lock/diff/schema.ts'
import { megabytes, plural } from './fact-lines.ts'

/** Loudest first. */
const CLASSES: [ChangeClass, string][] = [
  ['rebuild', 'REBUILT under the same version'],
  ['source', 'from another source'],
  ['downgrade', 'downgraded'],
  ['major', 'major'],
  ['minor', 'minor'],
  ['patch', 'patch'],
  ['other', 'moved'],
  ['added', 'added'],
  ['removed', 'removed'],
]

const ONE: Partial<Record<ChangeClass, string>> = {
  rebuild: 'REBUILT: same version, other bytes',
  source: 'other source',
  other: 'moved',
  downgrade: 'DOWNGRADE',
  newer: 'newer',
  detail: 'same bytes',
}

/** What a change is called in a table. */
export function className({ class: kind, ecosystem, level }: PackageChange): string {
  if (kind === 'rebuild' && ecosystem === 'file') return 'OTHER BYTES at the same address'
  if (kind === 'source' && level === 'any') return 'other source, same bytes'
  return ONE[kind] ?? kind
}

/** `1 major, 3 patch, 2 added`; what is no change of a package (indexes, details) is left out. */
export function countClasses(changes: readonly PackageChange[]): string {
  const counted = Map.groupBy(changes.filter(isPackage), (change) => change.class)
  return CLASSES.filter(([kind]) => counted.has(kind))
    .map(([kind, words]) => `${counted.get(kind)?.length} ${words}`)
    .join(', ')
}

/** One line on a recipe: what a reviewer reads first. */
export function summarizeRecipe({ status, packages, inputs, images }: RecipeDiff): string {
  if (status !== 'changed')
    return `lockfile ${status} with ${plural(packages.filter(isPackage).length, 'package')}`
  const counted = packages.filter(isPackage)
  const asked = counted.filter((change) => change.asked).length
  const came = counted.length - asked
  const parts = [
    ...(asked > 0 ? [`${asked} asked for`] : []),
    ...(came > 0 ? [`${came} came along`] : []),
  ].join(', ')
  const rest = [
    ...(counted.length === 0 ? ['no package changed'] : [`${parts}: ${countClasses(packages)}`]),
    ...inputWords(inputs),
    ...(images.length > 0 ? ['image changed'] : []),
  ]
  return rest.join('; ')
}

/** stillroom's own programs are an input of a lock, and no part of the recipe. */
function inputWords(inputs: readonly FieldChange[]): string[] {
  const programs = inputs.filter(({ field }) => field === 'programs').length
  return [
    ...(inputs.length > programs ? ['recipe changed'] : []),
    ...(programs > 0 ? ['build programs changed'] : []),
  ]
}

/** One line on everything. */
export function summarizeDiff({ recipes, unchanged }: LockDiff): string {
  const total = recipes.length + unchanged
  if (recipes.length === 0) return `no change in ${plural(total, 'lockfile')}`
  const counts = countClasses(recipes.flatMap(({ packages }) => packages))
  return `${recipes.length} of ${plural(total, 'lockfile')} changed: ${counts || 'no package'}`
}

/** Indexes say when the archive was read, and a detail changes nothing that is installed. */
export function isPackage({ ecosystem, class: kind, level }: PackageChange): boolean {
  return !(ecosystem === 'index' && kind !== 'rebuild' && kind !== 'downgrade') && level !== 'any'
}

/** Worth a row of its own: asked for by the recipe, or of a kind that no one expects. */
export function matters(change: PackageChange): boolean {
  return isPackage(change) && (change.asked || compareLevels(change.level, 'major') >= 0)
}

/** The recipes with the loudest first, else by name. */
export function byLevel(recipes: readonly RecipeDiff[]): RecipeDiff[] {
  return recipes.toSorted((a, b) => compareLevels(b.level, a.level))
}

export function loudest(changes: readonly PackageChange[]): PackageChange[] {
  return changes.filter(({ level }) => compareLevels(level, 'downgrade') >= 0)
}

/** A version as a row shows it: with the source or the digest where these are what differs. */
export function stateName(change: PackageChange, state: PackageState | null): string {
  if (state === null) return '-'
  const other = change.from?.digest !== change.to?.digest
  const both = change.from !== null && change.to !== null
  return [
    versionName(change.ecosystem, state),
    ...(change.class === 'source' && state.source !== null ? [`from ${state.source}`] : []),
    ...(both && other && change.class === 'rebuild' && state.digest !== null
      ? [shortDigest(state.digest)]
      : []),
  ]
    .filter((part) => part !== '')
    .join(' ')
}

function versionName(ecosystem: string, { version, digest }: PackageState): string {
  if (version === null && digest === null) return '?'
  if (version === null) return ecosystem === 'file' ? '' : shortDigest(digest ?? '')
  return ecosystem === 'git' || ecosystem === 'project' ? version.slice(0, 12) : version
}

function shortDigest(digest: string): string {
  return digest.replace(/^([a-z0-9-]+:)([0-9a-f]{12})[0-9a-f]*$/, '$1$2')
}

export function logLines({ added, removed, omitted }: CommitLog): string[] {
  return [
    ...added.map(({ commit, subject }) => `+ ${commit.slice(0, 12)} ${subject}`),
    ...removed.map(({ commit, subject }) => `- ${commit.slice(0, 12)} ${subject}`),
    ...(omitted > 0 ? [`and ${plural(omitted, 'more commit')}`] : []),
  ]
}

function signedMegabytes(bytes: number): string {
  return `${bytes < 0 ? '-' : '+'}${megabytes(Math.abs(bytes))}`
}

/** `sha256:1234... -> sha256:5678..., 1858.2 MB (+0.3 MB), 2 of 5 layers kept`. */
export function describeImage({ platform, from, to }: ImageChange): string {
  const id = (image: ImageChange['to']) => (image === null ? 'none recorded' : shortDigest(image.id))
  const kept = from?.diffIDs.filter((diffID) => to?.diffIDs.includes(diffID)).length ?? 0
  return [
    `${platform}: ${id(from)} -> ${id(to)}`,
    ...(to === null
      ? []
      : [megabytes(to.size) + (from === null ? '' : ` (${signedMegabytes(to.size - from.size)})`)]),
    ...(from === null || to === null ? [] : [`${kept} of ${to.diffIDs.length} layers kept`]),
    ...(to?.archive && to.archive.sha256 !== from?.archive?.sha256
      ? [`saved as ${shortDigest(`sha256:${to.archive.sha256}`)}`]
      : []),
    ...(to?.published && to.published.reference !== from?.published?.reference
      ? [`published as ${to.published.reference}`]
      : []),
  ].join(', ')
}
