import { StillroomError } from '../error.ts'

/** An image archive that is cut short, tampered with, ambiguous, or of a kind that is not read. */
export function imageInvalid(message: string, cause?: unknown): StillroomError {
  return new StillroomError('IMAGE_INVALID', message, {
    hint: 'Export the image again; if it stays, its builder writes archives that engines read differently',
    ...(cause === undefined ? {} : { cause }),
  })
}

/** A path of an archive (bytes as latin1) for a message: never control characters, never endless. */
export function quotePath(path: string): string {
  const text = JSON.stringify(Buffer.from(path, 'latin1').toString())
  return text.length > 200 ? `${text.slice(0, 197)}..."` : text
}
