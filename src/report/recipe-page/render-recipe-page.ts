import { bytesInWords } from '../html/bytes.ts'
import { type Html, html } from '../html/html.ts'
import { renderPage } from '../html/page.ts'
import { timeOf } from '../html/time-of.ts'
import { auditSection } from './audit-section.ts'
import { packagesSection } from './packages-section.ts'
import { RECIPE_SCRIPT } from './page-script.ts'
import { RECIPE_STYLE } from './page-style.ts'
import { partTree, type WholeImage } from './part-tree.ts'
import type { RecipePage } from './recipe-page.ts'
import { runsSection } from './runs-section.ts'
import { sizeSection } from './size-section.ts'
import { sourcesSection } from './sources-section.ts'
import { baseName, stepWords } from './step-words.ts'
import { useSection } from './use-section.ts'

/**
 * A page about a recipe's locked image: one file that loads nothing. Without its script it lacks the treemap, the parts below
 * the first level, and the downloads.
 */
export function renderRecipePage(page: RecipePage): string {
  const { name, downloads } = page
  const { parts, least } = partTree(page.files, page.locked)
  const words = stepWords(page.recipe)
  const whole: WholeImage = {
    name,
    bytes: parts.reduce((sum, { bytes }) => sum + bytes, 0),
    files: page.files.length,
    parts: parts.map((part) => ({ ...part, words: words.get(part.name) ?? '' })),
  }
  return renderPage({
    title: `${name}: what is in the image`,
    style: RECIPE_STYLE,
    script: RECIPE_SCRIPT,
    data: {
      'parts-data': whole,
      ...Object.fromEntries(downloads.map(({ text }, index) => [`file-${index}`, text])),
    },
    header: header(page, whole.bytes),
    main: html`${sizeSection(whole, least)}
${packagesSection(page)}
${sourcesSection(page)}
${useSection(page)}
${auditSection(page)}
${runsSection(page)}
${downloadsSection(page)}`,
  })
}

function header({ name, recipe, locked, files, lock }: RecipePage, bytes: number): Html {
  const { image, base, epoch } = locked
  const facts: [string, Html | string][] = [
    ['image ID', html`<code>${image.id}</code>`],
    ['tree digest', html`<code>${image.tree}</code>`],
    ['lockfile', html`<code>sha256:${lock}</code>`],
    ['platform', recipe.platform],
    ['base', baseName(base)],
    ['no file is newer than', timeOf(new Date(epoch * 1000).toISOString())],
    [
      'size',
      `${bytesInWords(bytes)} in ${files.length} files; ${bytesInWords(image.size)} as layers, uncompressed`,
    ],
  ]
  return html`<h1>${name}</h1>
${recipe.description && html`<p>${recipe.description}</p>`}
<dl>${facts.map(([term, value]) => html`<dt>${term}</dt><dd>${value}</dd>`)}</dl>
<nav aria-label="On this page"><ul>${SECTIONS.map(([id, title]) => html`<li><a href="#${id}">${title}</a></li>`)}</ul></nav>`
}

const SECTIONS = [
  ['size', 'Size'],
  ['packages', 'Packages'],
  ['sources', 'Sources'],
  ['use', 'Use'],
  ['audit', 'Audit'],
  ['runs', 'Verification'],
  ['downloads', 'Downloads'],
] as const

function downloadsSection({ name, downloads, audit }: RecipePage): Html {
  const items = downloads.map(
    ({ file, title, text }, index) =>
      html`<li hidden><a data-file="file-${index}" download="${file}">${file}</a> <span class="soft">${title}, ${bytesInWords(Buffer.byteLength(text))}</span></li>`,
  )
  return html`<section id="downloads"><h2>Downloads</h2>
<p>These are in this page; nothing is loaded.</p>
<ul>${items}</ul>
${audit === undefined && html`<p>No bill of materials: the image was not at hand when this page was made. <code>stillroom audit recipe ${name} --sbom cyclonedx</code> makes one.</p>`}
<noscript><p>They need the page's script. <code>stillroom audit recipe ${name} --sbom cyclonedx</code> writes the same.</p></noscript>
</section>`
}
