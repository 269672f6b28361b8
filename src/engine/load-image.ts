import { Readable } from 'node:stream'
import { text } from 'node:stream/consumers'
import { FREE_SPACE, NO_SPACE, StillroomError } from '../error.ts'
import { tryJson } from '../formats/json/try-json.ts'
import type { Engine } from './connect.ts'
import { engineError } from './engine-error.ts'

/**
 * Loads an archive into an engine, as `docker load` does.
 *
 * @throws {StillroomError} what the archive throws while it is read: the engine has nothing of it then; ENGINE_FAILED,
 *   DISK_FULL, ENGINE_LOST
 */
export async function loadImage(
  { docker }: Engine,
  archive: AsyncIterable<Uint8Array>,
  signal: AbortSignal,
): Promise<void> {
  const abort = new AbortController()
  let failure: unknown
  const source = Readable.from(copies(archive), { objectMode: false })
  // a request that is piped to does not learn that its source has failed
  source.on('error', (error) => {
    failure = error
    abort.abort()
  })
  try {
    const options = { quiet: true, abortSignal: AbortSignal.any([signal, abort.signal]) }
    const answer = await text(await docker.loadImage(source, options))
    for (const line of answer.split('\n')) {
      const { error } = (tryJson(line) ?? {}) as { error?: string }
      if (error !== undefined) throw refused(error)
    }
  } catch (error) {
    throw failure ?? (signal.aborted ? signal.reason : engineError('loading an image', error))
  } finally {
    source.destroy()
  }
}

/** A request keeps pieces until they are sent; who reads a disk takes their memory for others before that. */
export async function* copies(pieces: AsyncIterable<Uint8Array>): AsyncGenerator<Buffer> {
  for await (const piece of pieces) yield Buffer.from(piece)
}

function refused(said: string): StillroomError {
  if (NO_SPACE.test(said))
    return new StillroomError(
      'DISK_FULL',
      `the Docker Engine's disk is full, seen while loading an image: ${said}`,
      { hint: FREE_SPACE },
    )
  return new StillroomError('ENGINE_FAILED', `the Docker Engine does not load the image: ${said}`, {
    hint: 'see its log, and whether another archive loads',
  })
}
