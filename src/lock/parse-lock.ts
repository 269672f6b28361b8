import { StillroomError } from '../error.ts'
import { describeIssues, formatIssues, type Issue, quoteValue } from '../formats/json/describe-issues.ts'
import { findJsonError } from '../formats/json/find-json-error.ts'
import { checkLock } from './check-lock.ts'
import { LOCKFILE_VERSION, Lockfile } from './schema.ts'
import { serializeLock } from './serialize-lock.ts'

/**
 * Reads a lockfile's text. It must be exactly what `serializeLock` writes for it, so that no edit by hand,
 * merge or line-ending conversion goes unseen.
 *
 * @param path of the file, for messages only
 * @throws {StillroomError} LOCK_VERSION when a newer stillroom wrote it; LOCK_INVALID with every reason otherwise
 */
export function parseLock(text: string, path: string): Lockfile {
  const data = parseJson(text, path)
  requireVersion(data, path)
  const result = Lockfile.safeParse(data)
  if (!result.success) throw invalid(path, describeIssues(result.error.issues, data))
  const issues = checkLock(result.data)
  if (issues.length > 0) throw invalid(path, issues)
  requireCanonical(text, serializeLock(result.data), path)
  return result.data
}

function parseJson(text: string, path: string): unknown {
  const conflict = /^(<{7}|>{7}) .*$/m.exec(text)
  if (conflict !== null) {
    const line = text.slice(0, conflict.index).split('\n').length
    throw new StillroomError(
      'LOCK_INVALID',
      `${path}:${line}:1: there is an unresolved merge: "${conflict[0]}"`,
      {
        hint: 'Take one side of the merge, then lock the recipe again',
        details: { path, line, column: 1 },
      },
    )
  }
  try {
    return JSON.parse(text)
  } catch (cause) {
    const { line, column, message } = findJsonError(text) ?? { line: 1, column: 1, message: String(cause) }
    throw new StillroomError('LOCK_INVALID', `${path}:${line}:${column}: is not JSON: ${message}`, {
      hint: RESTORE,
      details: { path, line, column },
      cause,
    })
  }
}

/** Read before all else: what the other fields mean depends on it. */
function requireVersion(data: unknown, path: string): void {
  if (typeof data !== 'object' || data === null || Array.isArray(data)) {
    throw invalid(path, [{ path: '', value: quoteValue(data), reason: 'must be an object' }])
  }
  const version = (data as { lockfileVersion?: unknown }).lockfileVersion
  if (typeof version !== 'number' || !Number.isInteger(version) || version <= LOCKFILE_VERSION) return
  throw new StillroomError(
    'LOCK_VERSION',
    `${path}: was written by a newer stillroom: lockfileVersion expected ${LOCKFILE_VERSION}, actual ${version}`,
    { hint: 'Update stillroom', details: { path, expected: LOCKFILE_VERSION, actual: version } },
  )
}

function requireCanonical(actual: string, expected: string, path: string): void {
  if (actual === expected) return
  const [have, want] = [actual.split('\n'), expected.split('\n')]
  const index = want.findIndex((text, i) => text !== have[i])
  const place = index < 0 ? want.length : index
  const shown = (text: string | undefined) => (text === undefined ? 'the end of the file' : quoteValue(text))
  throw new StillroomError(
    'LOCK_INVALID',
    `${path}:${place + 1}: was changed by something else than stillroom: expected ${shown(want[place])}, actual ${shown(have[place])}`,
    {
      hint: actual.includes('\r')
        ? 'Line endings were converted: mark lock.json as "-text" in .gitattributes'
        : RESTORE,
      details: { path, line: place + 1 },
    },
  )
}

function invalid(path: string, issues: Issue[]): StillroomError {
  return new StillroomError('LOCK_INVALID', `${path}: is not a valid lockfile:\n${formatIssues(issues)}`, {
    hint: RESTORE,
    details: { path, issues },
  })
}

const RESTORE = 'Restore the committed lockfile, or make a new one with: stillroom lock recipe NAME --upgrade'
