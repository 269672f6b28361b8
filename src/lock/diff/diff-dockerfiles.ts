import { structuredPatch } from 'diff'
import type { DockerfileChange } from './schema.ts'

/** The hunks between two Dockerfiles, with two lines around each; null when they are the same. */
export function diffDockerfiles(from: string, to: string): DockerfileChange | null {
  if (from === to) return null
  const { hunks } = structuredPatch('', '', from, to, undefined, undefined, { context: 2 })
  const lines = hunks.flatMap((hunk) => hunk.lines)
  return {
    added: lines.filter((line) => line.startsWith('+')).length,
    removed: lines.filter((line) => line.startsWith('-')).length,
    patch: hunks
      .flatMap(({ oldStart, oldLines, newStart, newLines, lines }) => [
        `@@ -${oldStart},${oldLines} +${newStart},${newLines} @@`,
        ...lines,
      ])
      .join('\n'),
  }
}
