// Reads an image as the audit does and tells how large the process grew: `node image-read.ts FILE|DIR|REF`.
import { openImage } from '../../src/image/open-image.ts'

const image = await openImage({ signal: new AbortController().signal }, process.argv[2] ?? '')
let files = 0
for (const { inode } of image.tree.files()) if (inode.type === 'file') files += 1
console.log(JSON.stringify({ id: image.id, files, peakMiB: process.resourceUsage().maxRSS / 1024 }))
