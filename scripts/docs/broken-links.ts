import { existsSync, globSync, readFileSync } from 'node:fs'
import { dirname, join } from 'node:path'

/** Links of the repository's pages to files that are not there, as `PAGE: LINK`. */
export function findBrokenLinks(root: string): string[] {
  const pages = globSync(['*.md', 'docs/**/*.md', '.github/*.md'], { cwd: root }).sort()
  return pages.flatMap((page) => {
    const links = [...readFileSync(join(root, page), 'utf8').matchAll(/\]\((?![a-z]+:|#)([^)#\s]+)/g)]
    return links
      .map(([, link = '']) => link)
      .filter((link) => !existsSync(join(root, dirname(page), link)))
      .map((link) => `${page}: ${link}`)
  })
}
