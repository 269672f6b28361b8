import { createHash } from 'node:crypto'
import { mkdir, open, readdir, readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { parseLock } from '../../lock/parse-lock.ts'
import type { LockedPlatform, Lockfile } from '../../lock/schema.ts'
import { askGit, gitRunner } from '../../resolve/git/run-git.ts'
import { diskError, writeFileAtomic } from '../../store/disk.ts'
import type { SourcesReport } from '../../verify/forecast.ts'
import { type History, historyLine, historyRun, parseHistory } from '../../verify/history.ts'
import { statementOf } from '../../verify/statement.ts'
import type { VerifyReport } from '../../verify/verify-report.ts'
import type { Repository } from '../ports.ts'

/**
 * Adds a verification to a history: a line, and the lockfile as it was. Lines are only ever added, so that two
 * histories are joined by putting one after the other.
 *
 * @param at when the verification began
 * @throws {StillroomError} DISK_FULL, NOT_WRITABLE
 */
export async function keepRun(
  ports: Repository,
  directory: string,
  report: VerifyReport,
  at: Date,
): Promise<void> {
  const { recipe, platform, lock: expected } = report
  const path = join(ports.directory, 'recipes', recipe, 'lock.json')
  const text = await readFile(path, 'utf8').catch(() => undefined)
  const digest = text === undefined ? undefined : createHash('sha256').update(text).digest('hex')
  // another lock than the one verified is none of this run
  const same = text !== undefined && digest === expected
  const head = await askGit(gitRunner(ports), ['-C', ports.directory, 'rev-parse', '--verify', 'HEAD'])
  const revision = typeof head === 'string' ? head : null
  const locked = same ? lockedIn(text, path, platform) : null
  if (same) await writeFileAtomic(join(directory, 'locks', `${digest}.json`), text)
  await addLine(
    directory,
    'runs.jsonl',
    historyLine(historyRun(report, { at: at.toISOString(), revision, locked })),
  )
}

/** Adds what became of a recipe's sources. @throws {StillroomError} DISK_FULL, NOT_WRITABLE */
export async function keepSources(directory: string, report: SourcesReport): Promise<void> {
  await addLine(directory, 'sources.jsonl', `${JSON.stringify(report)}\n`)
}

/** Writes the in-toto statement of a verification, when there is an image to say something about. */
export async function keepStatement(directory: string, report: VerifyReport): Promise<void> {
  const statement = statementOf(report)
  if (statement === null) return
  const path = join(directory, `${report.recipe}.intoto.json`)
  await writeFileAtomic(path, `${JSON.stringify(statement, null, 2)}\n`)
}

/** Reads a history and the lockfiles it kept; an empty one when there is none. */
export async function readHistory(
  directory: string,
): Promise<{ history: History; locks: Map<string, Lockfile> }> {
  const [runs, sources] = await Promise.all(
    ['runs.jsonl', 'sources.jsonl'].map((name) => readText(join(directory, name))),
  )
  const history = parseHistory({ runs: runs ?? '', sources: sources ?? '' })
  const locks = new Map<string, Lockfile>()
  for (const name of await readdir(join(directory, 'locks')).catch(() => [])) {
    const text = await readText(join(directory, 'locks', name))
    try {
      locks.set(name.replace(/\.json$/, ''), parseLock(text ?? '', `locks/${name}`))
    } catch (error) {
      history.problems.push({ file: `locks/${name}`, line: 1, reason: (error as Error).message })
    }
  }
  return { history, locks }
}

/** One write: lines of two runs at once don't mix. A last line that was cut off gets its end, and is lost alone. */
async function addLine(directory: string, name: string, line: string): Promise<void> {
  try {
    await mkdir(directory, { recursive: true })
    const file = await open(join(directory, name), 'a+')
    try {
      const { size } = await file.stat()
      const last = Buffer.from('\n')
      if (size > 0) await file.read(last, 0, 1, size - 1)
      await file.appendFile(last.toString() === '\n' ? line : `\n${line}`)
    } finally {
      await file.close()
    }
  } catch (error) {
    throw diskError(error, join(directory, name))
  }
}

function lockedIn(text: string, path: string, platform: string): LockedPlatform | null {
  try {
    const { platforms } = parseLock(text, path)
    return (platforms as Record<string, LockedPlatform>)[platform] ?? null
  } catch {
    // the verification has said what is wrong with it
    return null
  }
}

async function readText(path: string): Promise<string | undefined> {
  return readFile(path, 'utf8').catch((error: NodeJS.ErrnoException) => {
    if (error.code === 'ENOENT') return undefined
    throw error
  })
}
