import { Readable } from 'node:stream'
import { pipeline } from 'node:stream/promises'
import type Docker from 'dockerode'
import { StillroomError } from '../error.ts'
import { tarMembers } from '../formats/tar/tar-members.ts'
import type { Engine } from './connect.ts'
import { withStarted } from './container.ts'
import { demultiplex } from './demultiplex.ts'

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
  engine: Engine,
  image: string,
  archive: AsyncIterable<Uint8Array>,
  signal: AbortSignal,
  use: (size: number, squashfs: AsyncIterable<Uint8Array>) => Promise<T>,
): Promise<T> {
  const attached = { AttachStdin: true, AttachStdout: true, AttachStderr: true }
  const settings: Docker.ContainerCreateOptions = {
    Image: image,
    // level 9 takes five times as long for hardly less; an attribute that is not kept, or a member that is not read, is an error
    Entrypoint: [
      'tar2sqfs',
      '--quiet',
      '--no-skip',
      '--compressor',
      'gzip',
      '--comp-extra',
      'level=6',
      OUTPUT,
    ],
    Cmd: [],
    HostConfig: { NetworkMode: 'none' },
    ...attached,
    OpenStdin: true,
    StdinOnce: true,
  }
  const attach = (container: Docker.Container) =>
    container.attach({ stream: true, hijack: true, stdin: true, stdout: true, stderr: true })
  const pack = async (container: Docker.Container, stream: NodeJS.ReadWriteStream): Promise<T> => {
    await feed(stream, archive, signal, () => container.wait())
    const copied = (await container.getArchive({ path: OUTPUT })) as unknown as AsyncIterable<Uint8Array>
    for await (const { member, content } of tarMembers(copied)) return await use(member.size, content)
    throw new StillroomError('CONTAINER_FAILED', 'tar2sqfs left no squashfs')
  }
  return withStarted(engine, settings, signal, pack, attach)
}

/** Gives the packer its input, and waits until it has ended well. */
async function feed(
  stream: NodeJS.ReadWriteStream,
  archive: AsyncIterable<Uint8Array>,
  signal: AbortSignal,
  wait: () => Promise<{ StatusCode: number }>,
): Promise<void> {
  const said: Buffer[] = []
  const reading = (async () => {
    for await (const { bytes } of demultiplex(stream as unknown as AsyncIterable<Buffer>)) said.push(bytes)
  })().catch(() => {})
  let failure: unknown
  const source = Readable.from(archive, { objectMode: false })
  source.on('error', (error) => {
    failure = error
  })
  await pipeline(source, stream, { signal }).catch((error: unknown) => {
    // a packer that ends early says why
    if (failure !== undefined || signal.aborted) throw failure ?? error
  })
  const { StatusCode: code } = await wait()
  await reading
  if (code === 0) return
  const text = Buffer.concat(said).toString().trim()
  throw new StillroomError('CONTAINER_FAILED', `tar2sqfs does not pack the image, exit code ${code}: ${text}`)
}
