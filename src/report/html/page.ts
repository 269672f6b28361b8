import { createHash } from 'node:crypto'
import { Html, html } from './html.ts'
import { PAGE_STYLE } from './page-style.ts'

/** What a page is made of. */
export interface Page {
  title: string
  /** Of this page, besides what all have. */
  style: string
  script: string
  /** What the script reads: JSON by the id of its element. */
  data?: Record<string, unknown>
  header: Html
  main: Html
}

/**
 * A page of one file that loads nothing: its policy allows the style and the script that are in it, by their hashes, and
 * nothing else.
 */
export function renderPage({ title, style, script, data = {}, header, main }: Page): string {
  const wholeStyle = `${PAGE_STYLE}${style}`
  const policy = [
    "default-src 'none'",
    'img-src data:',
    `style-src '${sourceHash(wholeStyle)}'`,
    `script-src '${sourceHash(script)}'`,
    "base-uri 'none'",
    "form-action 'none'",
  ].join('; ')
  const page = html`<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark">
<meta http-equiv="Content-Security-Policy" content="${policy}">
<link rel="icon" href="data:,">
<title>${title}</title>
<style>${new Html(wholeStyle)}</style>
</head>
<body>
<header>
${header}
</header>
<main>
${main}
</main>
${Object.entries(data).map(
  ([id, value]) => html`<script type="application/json" id="${id}">${scriptData(value)}</script>
`,
)}<script>${new Html(script)}</script>
</body>
</html>
`
  return page.text
}

/** JSON in which nothing ends the script element that it is in, or begins a comment there. */
function scriptData(value: unknown): Html {
  return new Html(JSON.stringify(value).replaceAll('<', '\\u003c'))
}

function sourceHash(text: string): string {
  return `sha256-${createHash('sha256').update(text).digest('base64')}`
}
