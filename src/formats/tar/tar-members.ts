import { locateError } from '../image-invalid.ts'
import { type TarMember, TarReader } from './tar-reader.ts'

type Bytes = AsyncIterable<Uint8Array> | Iterable<Uint8Array>

/** A member of a tar archive; the content can be read until the next member is asked for. */
export interface TarContent {
  member: TarMember
  content: AsyncIterable<Buffer>
}

/**
 * The members of a plain tar archive one after the other, with their contents as they stream by: for callers that wait
 * between them. A {@link TarReader} is faster.
 *
 * @throws {StillroomError} IMAGE_INVALID when the bytes are no such archive, or are cut short
 */
export async function* tarMembers(archive: Bytes): AsyncGenerator<TarContent> {
  const parts = readParts(archive)
  let inMember = false
  const next = async () => {
    const { value, done } = await parts.next()
    inMember = value !== undefined && !done
    return inMember ? value : undefined
  }
  const content = async function* () {
    for (let bytes = await next(); bytes !== undefined; bytes = await next()) yield bytes as Buffer
  }
  try {
    for (let member = await next(); member !== undefined; member = await next()) {
      yield { member: member as TarMember, content: content() }
      while (inMember) await next()
    }
  } finally {
    await parts.return(undefined)
  }
}

/** Of each member: itself, its content, and undefined. */
async function* readParts(archive: Bytes): AsyncGenerator<TarMember | Buffer | undefined> {
  const parts: (TarMember | Buffer | undefined)[] = []
  const reader = new TarReader({
    member: (member) => void parts.push(member),
    data: (bytes) => void parts.push(bytes),
    end: () => void parts.push(undefined),
  })
  for await (const bytes of archive) {
    try {
      reader.write(Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength))
    } catch (error) {
      throw locateError(error, `at byte ${reader.offset} of the archive`)
    }
    yield* parts.splice(0)
  }
  reader.close()
}
