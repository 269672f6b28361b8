import { StillroomError } from '../error.ts'

/** An image archive that is cut short, tampered with, ambiguous, or of a kind that is not read. */
export function imageInvalid(message: string, cause?: unknown): StillroomError {
  return new StillroomError('IMAGE_INVALID', printable(message), {
    hint: 'Export the image again; if it stays, its builder writes archives that engines read differently',
    cause,
  })
}

/** An archive that does not have just one image of those that were asked for. */
export function imageNotChosen(message: string, hint: string): StillroomError {
  return new StillroomError('IMAGE_INVALID', printable(message), { hint: printable(hint) })
}

/** The same error with the place where it was met; errors of other kinds as they are. */
export function locateError(error: unknown, place: string): unknown {
  if (!(error instanceof StillroomError) || error.code !== 'IMAGE_INVALID') return error
  return imageInvalid(`${error.message} (${place})`, error.cause)
}

/** A path of an archive (bytes as latin1) for a message: never control characters, never endless. */
export function quotePath(path: string): string {
  const text = JSON.stringify(Buffer.from(path.slice(0, 4096), 'latin1').toString())
  return text.length > 200 ? `${text.slice(0, 197)}..."` : text
}

/** What an image says of itself must not steer a terminal, nor fill it. */
function printable(message: string): string {
  const short = message.length > MESSAGE_LIMIT ? `${message.slice(0, MESSAGE_LIMIT)}...` : message
  return short.replaceAll(/[^\P{C}\n]|[\u2028\u2029]/gu, (character) => {
    return `\\u{${character.codePointAt(0)?.toString(16)}}`
  })
}

const MESSAGE_LIMIT = 2000
