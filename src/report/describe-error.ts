import { StillroomError } from '../error.ts'

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

/** An error as a user sees it. Any other than a StillroomError is a bug, and says so with its stack. */
export function describeError(error: unknown): DescribedError {
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
