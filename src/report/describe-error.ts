import { fullDisk, StillroomError } from '../error.ts'
import { redactLogins } from '../net/redact-url.ts'

export const BUG_EXIT_CODE = 70

export interface DescribedError {
  exitCode: number
  /** For a terminal, with a newline at the end. */
  text: string
  /** The only properties of an error that `--json` shows. */
  json: ErrorReport['error']
}

/** What `--json` prints of an error. */
export interface ErrorReport {
  error: { code: string; message: string; hint?: string; details?: Record<string, unknown> }
}

/**
 * An error as a user sees it, without the login of any address in it. A full disk is DISK_FULL, whoever met it. Any other than a StillroomError is a bug, and says
 * so with its stack.
 */
export function describeError(error: unknown): DescribedError {
  const { exitCode, text, json } = describe(fullDisk(error))
  return { exitCode, text: redactLogins(text), json: redactAll(json) }
}

/** Every string of plain data. */
function redactAll<T>(value: T): T {
  if (typeof value === 'string') return redactLogins(value) as T
  if (typeof value !== 'object' || value === null) return value
  if (Array.isArray(value)) return value.map(redactAll) as T
  return Object.fromEntries(
    Object.entries(value).map(([key, item]) => [redactLogins(key), redactAll(item)]),
  ) as T
}

function describe(error: unknown): DescribedError {
  if (error instanceof StillroomError) {
    const { code, message, hint, details } = error
    return {
      exitCode: error.exitCode,
      text: `error: ${message}\n${hint ? `  hint: ${hint}\n` : ''}  code: ${code}\n`,
      json: { code, message, ...(hint ? { hint } : {}), ...(details ? { details } : {}) },
    }
  }
  const message = error instanceof Error ? error.message : String(error)
  const stack = error instanceof Error ? (error.stack ?? message) : message
  return {
    exitCode: BUG_EXIT_CODE,
    text: `bug: ${stack}\n  hint: this is a fault of stillroom itself; please report it with the lines above\n`,
    json: { code: 'BUG', message },
  }
}
