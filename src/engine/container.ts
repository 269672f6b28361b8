import { PassThrough, Readable } from 'node:stream'
import type Docker from 'dockerode'
import { extract, pack } from 'tar-stream'
import { StillroomError } from '../error.ts'
import type { Sandbox, SandboxFile, SandboxResult } from '../resolve/sandbox.ts'
import type { Engine } from './connect.ts'
import { engineError } from './engine-error.ts'

/** On every container that stillroom makes: what is left of an unclean end can be found by it. */
export const CONTAINER_LABEL = 'stillroom.temporary'

export interface ContainerOptions {
  image: string
  /** `none` but where a resolver must reach an index. */
  network: 'none' | 'host'
  /** Account of the image; its own when left out. */
  user?: string | undefined
  signal: AbortSignal
}

/** Runs `use` with a throw-away container that waits for commands; the container is gone afterwards, however it ends. */
export async function withContainer<T>(
  engine: Engine,
  options: ContainerOptions,
  use: (sandbox: Sandbox) => Promise<T>,
): Promise<T> {
  const { image, network, user, signal } = options
  signal.throwIfAborted()
  let container: Docker.Container | undefined
  const stop = () => void container?.remove({ force: true }).catch(() => {})
  try {
    container = await engine.docker.createContainer({
      Image: image,
      Entrypoint: ['sleep'],
      Cmd: ['infinity'],
      Labels: { [CONTAINER_LABEL]: String(process.pid) },
      ...(user === undefined ? {} : { User: user }),
      HostConfig: { NetworkMode: network, Init: true, AutoRemove: false },
    })
    signal.addEventListener('abort', stop)
    signal.throwIfAborted()
    await container.start()
    return await use(new ContainerSandbox(engine.docker, container))
  } catch (error) {
    if (signal.aborted)
      throw new StillroomError('INTERRUPTED', 'the work in a container was interrupted', { cause: error })
    throw engineError('working in a container', error)
  } finally {
    signal.removeEventListener('abort', stop)
    await container?.remove({ force: true, v: true }).catch((error: { statusCode?: number }) => {
      // 404 and 409: the abort has removed it, or is about to
      if (error.statusCode !== 404 && error.statusCode !== 409)
        process.emitWarning(`a container was left behind: ${error}`)
    })
  }
}

class ContainerSandbox implements Sandbox {
  readonly #docker: Docker
  readonly #container: Docker.Container

  constructor(docker: Docker, container: Docker.Container) {
    this.#docker = docker
    this.#container = container
  }

  async run(command: readonly string[], env: Record<string, string> = {}): Promise<SandboxResult> {
    const exec = await this.#container.exec({
      Cmd: [...command],
      Env: Object.entries(env).map(([name, value]) => `${name}=${value}`),
      AttachStdout: true,
      AttachStderr: true,
    })
    const stream = await exec.start({ hijack: true, stdin: false })
    const [stdout, stderr] = [new PassThrough(), new PassThrough()]
    this.#docker.modem.demuxStream(stream, stdout, stderr)
    stream.on('end', () => {
      stdout.end()
      stderr.end()
    })
    stream.on('error', (error: Error) => {
      stdout.destroy(error)
      stderr.destroy(error)
    })
    const [out, err] = await Promise.all([text(stdout), text(stderr)])
    const { ExitCode } = await exec.inspect()
    return { exitCode: ExitCode ?? -1, stdout: out, stderr: err }
  }

  async write(files: readonly SandboxFile[]): Promise<void> {
    const archive = pack()
    for (const { path, content } of files) {
      archive.entry({ name: path.replace(/^\//, ''), mode: 0o644 }, Buffer.from(content as Uint8Array))
    }
    archive.finalize()
    await this.#container.putArchive(archive as unknown as NodeJS.ReadableStream, { path: '/' })
  }

  async *read(directory: string): AsyncIterable<{ name: string; content: AsyncIterable<Uint8Array> }> {
    const stream = await this.#container.getArchive({ path: `${directory}/.` })
    const entries = Readable.from(stream).pipe(extract())
    for await (const entry of entries) {
      const name = entry.header.name.replace(/^.*\//, '')
      if (entry.header.type === 'file') yield { name, content: entry as unknown as AsyncIterable<Uint8Array> }
      entry.resume()
    }
  }
}

async function text(stream: Readable): Promise<string> {
  const chunks: Buffer[] = []
  for await (const chunk of stream) chunks.push(chunk as Buffer)
  return Buffer.concat(chunks).toString('utf8')
}
