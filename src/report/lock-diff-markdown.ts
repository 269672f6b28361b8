import type { FieldChange, LockDiff, PackageChange, RecipeDiff } from '../lock/diff/schema.ts'
import {
  byLevel,
  className,
  countClasses,
  describeImage,
  isPackage,
  logLines,
  loudest,
  matters,
  stateName,
  summarizeDiff,
  summarizeRecipe,
} from './lock-diff-words.ts'
import { fenceFor, maskControls } from './markdown.ts'
import { splitField } from './split-field.ts'

/** GitHub takes bodies of 65,536 characters; some are left for what a workflow puts around it. */
const LIMIT = 65_000
/** How fully a recipe is reported: 4 all, 3 no text of the Dockerfile, 2 no tail, 1 no table of more than a few rows, 0 one line. */
const DETAILS = [0, 1, 2, 3, 4] as const
type Detail = (typeof DETAILS)[number]
const FEW = 10
/** A Dockerfile's diff is there to show what changed, not to be applied. */
const PATCH_LINES = 80
const MORE = 'left out for length: `stillroom diff lock` shows it'

/**
 * A diff of lockfiles for a pull request: one line on all of it, for each recipe a table of what matters, the rest
 * folded. What would not fit is summed up instead and said to be, loudest recipes last. All text of others is in code
 * spans or blocks.
 *
 * @param limit characters at most
 */
export function lockDiffMarkdown(diff: LockDiff, limit = LIMIT): string {
  const head = `**Lockfiles**: ${summarizeDiff(diff)} (${code(diff.base)} to ${code(diff.head)})\n`
  const recipes = byLevel(diff.recipes)
  const least = recipes.map((recipe) => recipeText(recipe, 0))
  const listed = fitting(least, limit - head.length - 200)
  const texts = least.slice(0, listed)
  let left = limit - head.length - 200 - total(texts)
  /** As much detail as the limit allows. */
  const full = new Set<number>()
  for (const detail of DETAILS.slice(1)) {
    for (const [i, text] of texts.entries()) {
      if (full.has(i)) continue
      const fuller = recipeText(recipes[i] as RecipeDiff, detail)
      const cost = fuller.length - text.length
      if (cost > left) {
        full.add(i)
        continue
      }
      texts[i] = fuller
      left -= cost
    }
  }
  const rest = recipes.slice(listed)
  return head + texts.join('') + (rest.length > 0 ? restText(rest) : '')
}

/** How many of the texts fit, from the first. */
function fitting(texts: readonly string[], room: number): number {
  let used = 0
  const index = texts.findIndex((text) => {
    used += text.length
    return used > room
  })
  return index < 0 ? texts.length : index
}

const total = (texts: readonly string[]) => texts.reduce((sum, text) => sum + text.length, 0)

function restText(recipes: readonly RecipeDiff[]): string {
  const counts = countClasses(recipes.flatMap(({ packages }) => packages)) || 'no package'
  return `\nAnd ${recipes.length} more recipes: ${counts} (${MORE})\n`
}

function recipeText(recipe: RecipeDiff, detail: Detail): string {
  const line = `**${code(recipe.recipe)}**: ${summarizeRecipe(recipe)}`
  if (detail === 0) return `\n- ${line}\n`
  return [
    `\n### ${code(recipe.recipe)}\n\n${summarizeRecipe(recipe)}\n`,
    warning(recipe.packages, detail),
    table(recipe.packages.filter(matters), detail),
    ...recipe.images.map((image) => `\nImage ${code(describeImage(image))}\n`),
    fold(
      'came along',
      recipe.packages.filter((change) => isPackage(change) && !matters(change)),
      detail,
    ),
    fold(
      'of indexes and sources',
      recipe.packages.filter((change) => !isPackage(change)),
      detail,
    ),
    commits(recipe.packages, detail),
    fields('of the recipe', recipe.inputs, detail),
    fields('besides in the lockfile', recipe.details, detail),
    dockerfile(recipe, detail),
  ].join('')
}

function warning(changes: readonly PackageChange[], detail: Detail): string {
  const loud = loudest(changes)
  if (loud.length === 0) return ''
  const shown = detail > 1 ? loud : loud.slice(0, FEW)
  const more = shown.length < loud.length ? ` and ${loud.length - shown.length} more` : ''
  const rebuilt = loud.some((change) => change.class === 'rebuild')
  const names = shown.map((change) => `${code(change.name)} (${className(change)})`).join(', ')
  return `\n> [!${rebuilt ? 'CAUTION' : 'WARNING'}]\n> Look closely: ${names}${more}\n`
}

const HEADER = '| | package | from | to | change |\n| --- | --- | --- | --- | --- |\n'

function table(changes: readonly PackageChange[], detail: Detail): string {
  if (changes.length === 0) return ''
  const shown = detail > 1 ? changes : changes.slice(0, FEW)
  const more = shown.length < changes.length ? `\n${changes.length - shown.length} more rows ${MORE}\n` : ''
  return `\n${HEADER}${shown.map((change) => row(change, !change.asked)).join('')}${more}`
}

function row(change: PackageChange, came = false): string {
  const [from, to] = [stateName(change, change.from), stateName(change, change.to)].map(code)
  const name = `${code(change.name)}${came ? ' (came along)' : ''}`
  return `| ${change.ecosystem} | ${name} | ${from} | ${to} | ${className(change)} |\n`
}

function fold(title: string, changes: readonly PackageChange[], detail: Detail): string {
  if (changes.length === 0) return ''
  const counts = countClasses(changes)
  const summary = `${changes.length} ${title}${counts === '' ? '' : `: ${counts}`}`
  return details(summary, detail < 3 ? undefined : HEADER + changes.map((change) => row(change)).join(''))
}

function commits(changes: readonly PackageChange[], detail: Detail): string {
  return changes
    .map(({ name, log }) => {
      const lines = log ? logLines(log) : []
      if (lines.length === 0) return ''
      const title = `commits of ${html(name)}: ${log?.added.length ?? 0} added, ${log?.removed.length ?? 0} removed`
      return details(title, detail < 3 ? undefined : block('', lines))
    })
    .join('')
}

function fields(title: string, changes: readonly FieldChange[], detail: Detail): string {
  if (changes.length === 0) return ''
  const value = (side: string) => (side === 'nothing' ? side : code(side))
  const lines = changes
    .flatMap(splitField)
    .map(({ field, from, to }) => `- ${code(field)}: ${value(from)} to ${value(to)}\n`)
  return details(
    `${changes.length} field${changes.length === 1 ? '' : 's'} ${title}`,
    detail < 3 ? undefined : lines.join(''),
  )
}

function dockerfile({ dockerfile: change }: RecipeDiff, detail: Detail): string {
  if (change === null) return ''
  const lines = change.patch.split('\n')
  const more = lines.length > PATCH_LINES ? [`... ${lines.length - PATCH_LINES} more lines`] : []
  const title = `Dockerfile: lines +${change.added} -${change.removed}`
  return details(title, detail < 4 ? undefined : block('diff', [...lines.slice(0, PATCH_LINES), ...more]))
}

/** Folded; without a body, one line that says so. */
function details(summary: string, body: string | undefined): string {
  if (body === undefined) return `\n${summary} (${MORE})\n`
  return `\n<details><summary>${summary}</summary>\n\n${body}\n</details>\n`
}

/** Ends at nothing that its lines hold. */
function block(language: string, lines: readonly string[]): string {
  const fence = fenceFor(lines.join('\n'), 3)
  return `${fence}${language}\n${lines.map(maskControls).join('\n')}\n${fence}\n`
}

/** A code span in a table's cell: no mention, link or HTML in it has an effect. */
function code(text: string): string {
  if (text === '' || text === '-') return text
  const line = maskControls(text)
  const ticks = fenceFor(line, 1)
  const pad = line.startsWith('`') || line.endsWith('`') ? ' ' : ''
  return `${ticks}${pad}${line.replaceAll('|', '\\|')}${pad}${ticks}`
}

function html(text: string): string {
  return `<code>${maskControls(text).replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('>', '&gt;')}</code>`
}
