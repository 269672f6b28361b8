/// <reference lib="dom" />
import { bytesInWords } from '../html/bytes.ts'
import { filterPackages, sortPackages } from './packages-script.ts'
import { showParts } from './parts-script.ts'
import { squarify } from './squarify.ts'

/**
 * The page's script: the text of functions that use nothing but what they are given, as whoever bundles this file may call
 * them otherwise.
 */
export const RECIPE_SCRIPT = `(${showParts})(${squarify},${bytesInWords});
(${filterPackages})();
(${sortPackages})();
(${offerFiles})()`

/** Makes links of the files that are in the page. */
function offerFiles(): void {
  for (const link of document.querySelectorAll<HTMLAnchorElement>('a[data-file]')) {
    const text = JSON.parse(document.getElementById(link.dataset.file ?? '')?.textContent ?? '""')
    link.href = URL.createObjectURL(new Blob([text], { type: 'application/json' }))
    link.parentElement?.removeAttribute('hidden')
  }
}
