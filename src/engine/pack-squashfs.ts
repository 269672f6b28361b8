import { Readable } from 'node:stream'
import { pipeline } from 'node:stream/promises'
import { StillroomError } from '../error.ts'
import { tarMembers } from '../formats/tar/tar-members.ts'
import type { Engine } from './connect.ts'
import { CONTAINER_LABEL } from './container.ts'
import { demultiplex } from './demultiplex.ts'
import { engineError, unlessStatus } from './engine-error.ts'

/** Where the container has the squashfs: it is written with seeking, so to a file. */
const OUTPUT = '/root.squashfs'

/**
 * Packs a tar archive into a squashfs, compressed by gzip, by the `tar2sqfs` of an image: in a container without network,
 * which is gone afterwards.
 *
 * @param use takes the squashfs, of so many bytes, while the container is there
 * @throws {StillroomError} CONTAINER_FAILED when it does not pack the archive; what the archive throws; ENGINE_*
 */
export async function packSquashfs<T>(
  { docker }: Engine,
  image: string,
  archive: AsyncIterable<Uint8Array>,
  signal: AbortSignal,
  use: (size: number, squashfs: AsyncIterable<Uint8Array>) => Promise<T>,
): Promise<T> {
  let failure: unknown
  const container = await docker
    .createContainer({
      Image: image,
      // an attribute that is not kept, or a member that is not read, is an error
      Entrypoint: ['tar2sqfs', '--quiet', '--no-skip', '--compressor', 'gzip', OUTPUT],
      Cmd: [],
      Labels: { [CONTAINER_LABEL]: String(process.pid) },
      HostConfig: { NetworkMode: 'none' },
      AttachStdin: true,
      AttachStdout: true,
      AttachStderr: true,
      OpenStdin: true,
      StdinOnce: true,
    })
    .catch((error: unknown) => {
      throw engineError('making a container of the packer', error)
    })
  const stop = () => void container.remove({ force: true }).catch(() => {})
  signal.addEventListener('abort', stop)
  try {
    signal.throwIfAborted()
    const stream = await container.attach({
      stream: true,
      hijack: true,
      stdin: true,
      stdout: true,
      stderr: true,
    })
    await container.start()
    const said: Buffer[] = []
    const reading = (async () => {
      for await (const { bytes } of demultiplex(stream as unknown as AsyncIterable<Buffer>)) said.push(bytes)
    })()
    const source = Readable.from(archive, { objectMode: false })
    source.on('error', (error) => {
      failure = error
    })
    // a packer that ends early says why
    await pipeline(source, stream, { signal }).catch((error: unknown) => {
      if (failure !== undefined || signal.aborted) throw error
    })
    const { StatusCode: code } = (await container.wait()) as { StatusCode: number }
    await reading.catch(() => {})
    if (code !== 0) {
      const text = Buffer.concat(said).toString().trim()
      throw new StillroomError(
        'CONTAINER_FAILED',
        `tar2sqfs does not pack the image, exit code ${code}: ${text}`,
      )
    }
    const copied = (await container.getArchive({ path: OUTPUT })) as unknown as AsyncIterable<Uint8Array>
    for await (const { member, content } of tarMembers(copied)) return await use(member.size, content)
    throw new StillroomError('CONTAINER_FAILED', 'tar2sqfs left no squashfs')
  } catch (error) {
    if (failure !== undefined) throw failure
    throw signal.aborted ? signal.reason : engineError('packing a squashfs', error)
  } finally {
    signal.removeEventListener('abort', stop)
    await container
      .remove({ force: true, v: true })
      .catch(unlessStatus(404, 409))
      .catch((error: unknown) => process.emitWarning(`a container was left behind: ${error}`))
  }
}
