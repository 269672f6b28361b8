import { FREE_SPACE, NO_SPACE, StillroomError } from '../error.ts'

/** Turns a failure of the connection to the engine into ENGINE_LOST; leaves every other error as it is. */
export function engineError(doing: string, error: unknown): unknown {
  if (error instanceof StillroomError || !(error instanceof Error)) return error
  const code = 'code' in error ? String(error.code) : ''
  const lost =
    ['ECONNRESET', 'ECONNREFUSED', 'ENOENT', 'EPIPE', 'UND_ERR_SOCKET'].includes(code) ||
    /socket hang up/.test(error.message)
  if (lost) {
    return new StillroomError(
      'ENGINE_LOST',
      `the connection to the Docker Engine broke while ${doing}: ${error.message}`,
      {
        hint: 'see whether the engine still runs (`stillroom doctor`), then run the command again',
        cause: error,
      },
    )
  }
  if ('statusCode' in error) {
    const text = (error as { json?: { message?: string } }).json?.message ?? error.message
    if (NO_SPACE.test(text)) {
      return new StillroomError(
        'DISK_FULL',
        `the Docker Engine's disk is full, seen while ${doing}: ${text}`,
        {
          hint: FREE_SPACE,
          cause: error,
        },
      )
    }
    return new StillroomError('CONTAINER_FAILED', `the Docker Engine refused while ${doing}: ${text}`, {
      cause: error,
    })
  }
  return error
}

/** What the engine answers; a connection that breaks meanwhile is ENGINE_LOST. */
export async function engineAnswer<T>(doing: string, answer: Promise<T>): Promise<T> {
  return answer.catch((error: unknown) => {
    throw engineError(doing, error)
  })
}

/** For `catch`: takes an answer with one of these statuses for none. */
export function unlessStatus(...expected: number[]): (error: { statusCode?: number }) => undefined {
  return (error) => {
    if (error.statusCode !== undefined && expected.includes(error.statusCode)) return undefined
    throw error
  }
}
