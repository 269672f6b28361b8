import { bytesInWords } from '../html/bytes.ts'
import { type Html, html } from '../html/html.ts'
import type { WholeImage } from './part-tree.ts'

/** The treemap, and beside it the same as a table, whose first level is there without the page's script. */
export function sizeSection(whole: WholeImage, least: number): Html {
  const rows = whole.parts.map((part) => {
    const share = whole.bytes === 0 ? 0 : (100 * part.bytes) / whole.bytes
    return html`<tr><th scope="row"><span class="swatch k-${part.kind}"></span>${part.name} <span class="soft words">${part.words}</span></th>
<td class="number">${bytesInWords(part.bytes)}</td><td class="number">${share.toFixed(1)} %</td><td class="number">${part.files}</td></tr>`
  })
  return html`<section id="size"><h2>What it is made of</h2>
<p>Every file of the image by size: ${bytesInWords(whole.bytes)} in ${whole.files} files. A file with several names counts once; directories and links have no size.
${least > 0 && `Parts of less than ${bytesInWords(least)} are summed up as “smaller files”.`}</p>
<p class="soft" hidden>Click on a part, or press Enter, to see what is in it; the arrow keys go from part to part, Escape or Backspace goes back.</p>
<div class="place"><nav aria-label="Where you are in the image"><ol class="trail" id="trail"></ol></nav>
<p class="soft" role="status" id="level"></p></div>
<div class="sizes">
<div class="map" id="map" role="group" aria-label="The parts by size; the table has the same" tabindex="-1" hidden></div>
<div class="list" tabindex="0" role="region" aria-label="The parts as a table">
<table><thead><tr><th scope="col">part</th><th scope="col" class="number">size</th><th scope="col" class="number">share</th><th scope="col" class="number">files</th></tr></thead>
<tbody id="rows">${rows}</tbody></table></div>
</div>
</section>`
}
