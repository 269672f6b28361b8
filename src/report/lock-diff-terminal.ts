import type { FieldChange, ImageChange, LockDiff, PackageChange, RecipeDiff } from '../lock/diff/schema.ts'
import {
  className,
  describeImage,
  isPackage,
  logLines,
  stateName,
  summarizeDiff,
  summarizeRecipe,
} from './lock-diff-words.ts'
import { maskControls } from './markdown.ts'
import { splitField } from './split-field.ts'

/** Lines of a Dockerfile's diff that a terminal shows; Markdown and JSON have all of it. */
const PATCH_LINES = 40
const FIELD_LENGTH = 100
/** Digests and commits: so much distinguishes them. */
const LONG_HEX = /\b([0-9a-f]{12})[0-9a-f]{28,}\b/g

/** A diff of lockfiles as plain text: what the recipe asked for first, then what came along. */
export function lockDiffTerminal(diff: LockDiff): string {
  const lines = [
    `${diff.base} -> ${diff.head}: ${summarizeDiff(diff)}`,
    ...diff.recipes.flatMap((recipe) => ['', ...recipeLines(recipe)]),
  ]
  return `${lines.map((line) => maskControls(line).trimEnd()).join('\n')}\n`
}

function recipeLines(recipe: RecipeDiff): string[] {
  const { packages, inputs, images, details, dockerfile } = recipe
  const [asked, came] = [true, false].map((wanted) =>
    packages.filter((change) => isPackage(change) && change.asked === wanted),
  ) as [PackageChange[], PackageChange[]]
  const rest = packages.filter((change) => !isPackage(change))
  return [
    `${recipe.recipe}: ${summarizeRecipe(recipe)}`,
    ...section('asked for', tableLines(asked)),
    ...section('came along', tableLines(came)),
    ...section('image', images.flatMap(imageLines)),
    ...section('recipe', inputs.flatMap(fieldLines)),
    ...section('indexes and sources', tableLines(rest)),
    ...section('also in the lockfile', details.flatMap(fieldLines)),
    ...(dockerfile === null
      ? []
      : section(`Dockerfile: lines +${dockerfile.added} -${dockerfile.removed}`, [
          ...shorten(dockerfile.patch.split('\n')),
        ])),
  ]
}

function section(title: string, lines: string[]): string[] {
  return lines.length === 0 ? [] : [`  ${title}`, ...lines.map((line) => `    ${line}`)]
}

function tableLines(changes: readonly PackageChange[]): string[] {
  const rows = changes.map((change) => [
    change.ecosystem,
    change.name,
    stateName(change, change.from),
    '->',
    stateName(change, change.to),
    className(change),
  ])
  const widths = [0, 1, 2, 3, 4].map((i) =>
    rows.reduce((width, row) => Math.max(width, row[i]?.length ?? 0), 0),
  )
  return rows.flatMap((row, at) => [
    row.map((cell, i) => cell.padEnd(widths[i] ?? 0)).join('  '),
    ...logOf(changes[at]).map((line) => `  ${line}`),
  ])
}

const logOf = (change: PackageChange | undefined) => (change?.log ? logLines(change.log) : [])

/** Two lines, for narrow terminals. */
function imageLines(image: ImageChange): string[] {
  const [ids, ...rest] = describeImage(image).split(', ')
  return [ids ?? '', ...(rest.length > 0 ? [`  ${rest.join(', ')}`] : [])]
}

function fieldLines(change: FieldChange): string[] {
  return splitField(change).map(({ field, from, to }) => {
    const text = `${from} -> ${to}`.replace(LONG_HEX, '$1...')
    return `${field}: ${text.length > FIELD_LENGTH ? 'differs (--json shows how)' : text}`
  })
}

function shorten(lines: string[]): string[] {
  if (lines.length <= PATCH_LINES) return lines
  return [...lines.slice(0, PATCH_LINES), `... ${lines.length - PATCH_LINES} more lines (--json has them)`]
}
