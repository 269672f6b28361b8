import { createHash } from 'node:crypto'
import { readdir, readFile, rm, stat, utimes } from 'node:fs/promises'
import { join } from 'node:path'
import { z } from 'zod'
import { tryJson } from '../formats/json/try-json.ts'
import { diskError, writeFileAtomic } from './disk.ts'

const Recorded = z.object({ recipe: z.string(), digests: z.array(z.string().regex(/^[0-9a-f]{64}$/)) })

/** What one lock needs of a store, noted each time it is fetched: so that others can tell what is still of use. */
export interface Use {
  recipe: string
  /** sha256 of each artifact, lower-case hex, sorted. */
  digests: string[]
  /** When it was last needed. */
  last: Date
}

/** Notes that a lock needs these entries, now. @throws StillroomError DISK_FULL */
export async function recordUse(
  directory: string,
  recipe: string,
  digests: readonly string[],
): Promise<void> {
  const text = `${JSON.stringify({ recipe, digests: [...new Set(digests)].sort() })}\n`
  const name = createHash('sha256').update(text).digest('hex').slice(0, 32)
  const path = join(directory, 'uses', `${recipe}-${name}.json`)
  const now = new Date()
  try {
    if (!(await writeFileAtomic(path, text))) await utimes(path, now, now)
  } catch (error) {
    // a store may be filled and read-only: then nobody throws anything away either
    if ((diskError(error, path) as { code?: unknown }).code !== 'NOT_WRITABLE') throw error
  }
}

/** Everything noted, the latest first; what can't be read is left out, as it protects nothing. */
export async function readUses(directory: string): Promise<Use[]> {
  const uses: Use[] = []
  for (const path of await usePaths(directory)) {
    const [text, entry] = await Promise.all([readFile(path, 'utf8'), stat(path)]).catch(() => [])
    const parsed = Recorded.safeParse(tryJson(text ?? ''))
    if (parsed.success && entry) uses.push({ ...parsed.data, last: entry.mtime })
  }
  return uses.sort((a, b) => b.last.getTime() - a.last.getTime())
}

/** Forgets what was last needed before a time. */
export async function forgetUses(directory: string, before: Date): Promise<void> {
  for (const path of await usePaths(directory)) {
    const entry = await stat(path).catch(() => undefined)
    if (entry && entry.mtime < before) await rm(path, { force: true })
  }
}

async function usePaths(directory: string): Promise<string[]> {
  const root = join(directory, 'uses')
  const names = await readdir(root).catch(() => [])
  return names.filter((name) => name.endsWith('.json')).map((name) => join(root, name))
}
