import { type Duplex, Readable } from 'node:stream'
import { pipeline } from 'node:stream/promises'
import type Docker from 'dockerode'
import { StillroomError } from '../error.ts'
import type { Engine } from './connect.ts'
import { withStarted } from './container.ts'
import { demultiplex } from './demultiplex.ts'
import { copies } from './load-image.ts'

/** What a program of a container gets to read, and what becomes of what it writes. */
export interface Filter {
  /** The program and its arguments. */
  command: readonly [string, ...string[]]
  input: AsyncIterable<Uint8Array>
  /** Takes a piece of standard output; nothing more is read until it is done. */
  onOutput?: (bytes: Buffer) => Promise<void>
}

/**
 * Runs a program of an image on a stream, in a container without network, which is gone afterwards.
 *
 * @param use is called when the program has ended well, while the container is there
 * @throws {StillroomError} CONTAINER_FAILED with what it said when it does not end well; what the input or `onOutput` throws;
 *   ENGINE_*
 */
export async function filterByContainer<T>(
  engine: Engine,
  image: string,
  filter: Filter,
  signal: AbortSignal,
  use: (container: Docker.Container) => Promise<T>,
): Promise<T> {
  const settings: Docker.ContainerCreateOptions = {
    Image: image,
    Entrypoint: [...filter.command],
    Cmd: [],
    HostConfig: { NetworkMode: 'none' },
    AttachStdin: true,
    AttachStdout: true,
    AttachStderr: true,
    OpenStdin: true,
    StdinOnce: true,
  }
  const attach = (container: Docker.Container) =>
    container.attach({ stream: true, hijack: true, stdin: true, stdout: true, stderr: true })
  const run = async (container: Docker.Container, stream: NodeJS.ReadWriteStream): Promise<T> => {
    await feed(stream, filter, signal, () => container.wait())
    return await use(container)
  }
  return withStarted(engine, settings, signal, run, attach)
}

/** Gives the program its input, and waits until it has ended well. */
async function feed(
  stream: NodeJS.ReadWriteStream,
  { command: [program], input, onOutput }: Filter,
  signal: AbortSignal,
  wait: () => Promise<{ StatusCode: number }>,
): Promise<void> {
  const said: Buffer[] = []
  let failure: unknown
  const reading = (async () => {
    for await (const { from, bytes } of demultiplex(stream as unknown as AsyncIterable<Buffer>)) {
      if (from === 'stdout' && onOutput !== undefined) await onOutput(bytes)
      else said.push(bytes)
    }
  })().catch((error: unknown) => {
    failure ??= error
    // the program would wait for ever until somebody reads what it writes
    ;(stream as Duplex).destroy()
  })
  const source = Readable.from(copies(input), { objectMode: false })
  source.on('error', (error) => {
    failure ??= error
  })
  await pipeline(source, stream, { signal }).catch((error: unknown) => {
    // a program that ends early says why
    if (failure !== undefined || signal.aborted) throw failure ?? error
  })
  const { StatusCode: code } = await wait()
  await reading
  const text = Buffer.concat(said).toString().trim()
  if (code !== 0)
    throw new StillroomError('CONTAINER_FAILED', `${program} ends with exit code ${code}: ${text}`)
  if (failure !== undefined) throw failure
}
