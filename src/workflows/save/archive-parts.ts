import { basename } from 'node:path'
import type { Hashed } from '../../store/disk.ts'

/** More parts than three digits number. */
export const MOST_PARTS = 999

/** The name of a part: `hello.tar.001`. */
export const partPath = (file: string, number: number) => `${file}.${String(number).padStart(3, '0')}`

/** The file with the sums. */
export const sumsPath = (file: string) => `${file}.sha256`

/**
 * The text that `sha256sum --check` reads: a line for each file. Of an archive in parts, the sum of all of it is a comment.
 */
export function sumsText(file: string, whole: Hashed, files: readonly (Hashed & { path: string })[]): string {
  const lines = files.map(({ sha256, path }) => `${sha256}  ${basename(path)}\n`)
  const isSplit = files.length !== 1 || files[0]?.path !== file
  return lines.join('') + (isSplit ? `# ${whole.sha256}  ${basename(file)} when joined\n` : '')
}

/** Sums by the name of their file, as {@link sumsText} and sha256sum write them. */
export function parseSums(text: string): Map<string, string> {
  const lines = [...text.matchAll(/^(# )?([0-9a-f]{64}) [ *](.+?)( when joined)?$/gm)]
  return new Map(
    lines
      .filter(([, comment, , , joined]) => (comment === undefined) === (joined === undefined))
      .map(([, , sum = '', name = '']) => [name, sum]),
  )
}
