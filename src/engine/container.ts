import type Docker from 'dockerode'
import { StillroomError } from '../error.ts'
import { tarMembers } from '../formats/tar/tar-members.ts'
import { paxHeader, TAR_END, tarPadding } from '../formats/tar/write-tar.ts'
import type { Sandbox, SandboxFile, SandboxResult } from '../resolve/sandbox.ts'
import { exitCodeOf } from './attached-exec.ts'
import type { Engine } from './connect.ts'
import { demultiplex, type Piece } from './demultiplex.ts'
import { engineError, unlessStatus } from './engine-error.ts'

/** On every container that stillroom makes: what is left of an unclean end can be found by it. */
export const CONTAINER_LABEL = 'stillroom.temporary'

/**
 * What the engine says, in an error or where a command's output belongs, when it did not start something for no fault of
 * the image: a program that is not there, or that nobody may run, is reported as it is. runc 1.1 says "read init-p:
 * connection reset by peer" when the kernel does not let it seal its own copy in time (EBUSY; bin/engine seals it
 * beforehand). Nothing has run then, so it may be asked once more.
 */
const NOT_STARTED =
  /OCI runtime (exec|create) failed: (?!.*(executable file not found|no such file|permission denied|not a directory|exec format error))/
const ATTEMPTS = 3

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
  const settings: Docker.ContainerCreateOptions = {
    Image: image,
    Entrypoint: ['sleep'],
    Cmd: ['infinity'],
    ...(user === undefined ? {} : { User: user }),
    HostConfig: { NetworkMode: network, Init: true, AutoRemove: false },
  }
  return withStarted(engine, settings, signal, (container) => use(new ContainerSandbox(container)))
}

/** A throw-away container that is there until it is disposed of. */
export interface KeptContainer extends AsyncDisposable {
  /** @throws {StillroomError} INTERRUPTED, ENGINE_LOST, CONTAINER_FAILED, and whatever `work` throws */
  use<T>(work: (sandbox: Sandbox) => Promise<T>): Promise<T>
}

/** As {@link withContainer}, for work that comes in several parts. */
export async function keepContainer(engine: Engine, options: ContainerOptions): Promise<KeptContainer> {
  const opened = Promise.withResolvers<Sandbox>()
  const closed = Promise.withResolvers<void>()
  const ended = withContainer(engine, options, (sandbox) => {
    opened.resolve(sandbox)
    return closed.promise
  })
  ended.catch(opened.reject)
  const sandbox = await opened.promise
  return {
    use: (work) =>
      work(sandbox).catch((error: unknown) => {
        throw workError(options.signal, error)
      }),
    [Symbol.asyncDispose]: async () => {
      closed.resolve()
      await ended
    },
  }
}

function workError(signal: AbortSignal, error: unknown): unknown {
  return signal.aborted
    ? new StillroomError('INTERRUPTED', 'the work in a container was interrupted', { cause: error })
    : engineError('working in a container', error)
}

/**
 * Starts a throw-away container; it is gone after `use`, however that ends.
 *
 * @param prepare called before each start, such as to attach to it; `use` gets what it gave last
 */
export async function withStarted<T, P = undefined>(
  engine: Engine,
  settings: Docker.ContainerCreateOptions,
  signal: AbortSignal,
  use: (container: Docker.Container, prepared: P) => Promise<T>,
  prepare: (container: Docker.Container) => Promise<P> = async () => undefined as P,
): Promise<T> {
  signal.throwIfAborted()
  let container: Docker.Container | undefined
  let prepared: P
  const stop = () => void container?.remove({ force: true }).catch(() => {})
  try {
    signal.addEventListener('abort', stop)
    for (let attempt = 1; ; attempt++) {
      const labels = { [CONTAINER_LABEL]: String(process.pid) }
      container = await engine.docker.createContainer({ ...settings, Labels: labels })
      signal.throwIfAborted()
      prepared = await prepare(container)
      const failure = await container.start().then(
        () => undefined,
        (error: Error) => error,
      )
      if (failure === undefined) break
      if (attempt === ATTEMPTS || !NOT_STARTED.test(failure.message)) throw failure
      process.emitWarning(`the engine did not start a container: ${failure.message}; asking once more`)
      await container.remove({ force: true, v: true })
    }
    return await use(container, prepared)
  } catch (error) {
    throw workError(signal, error)
  } finally {
    signal.removeEventListener('abort', stop)
    await container
      ?.remove({ force: true, v: true })
      // the abort has removed it, or is about to
      .catch(unlessStatus(404, 409))
      .catch((error: unknown) => process.emitWarning(`a container was left behind: ${error}`))
  }
}

class ContainerSandbox implements Sandbox {
  readonly #container: Docker.Container

  constructor(container: Docker.Container) {
    this.#container = container
  }

  async run(command: readonly string[], env: Record<string, string> = {}): Promise<SandboxResult> {
    for (let attempt = 1; ; attempt++) {
      const result = await this.#run(command, env)
      const said = result.stdout.startsWith('OCI runtime') && [126, 127, 128].includes(result.exitCode)
      if (!said || !NOT_STARTED.test(result.stdout)) return result
      const message = `the engine did not start "${command[0]}" in a container: ${result.stdout.trim()}`
      if (attempt === ATTEMPTS) throw new StillroomError('CONTAINER_FAILED', message)
      process.emitWarning(`${message}; asking once more`)
    }
  }

  async #run(command: readonly string[], env: Record<string, string>): Promise<SandboxResult> {
    const exec = await this.#container.exec({
      Cmd: [...command],
      Env: Object.entries(env).map(([name, value]) => `${name}=${value}`),
      AttachStdout: true,
      AttachStderr: true,
    })
    const stream = await exec.start({ hijack: true, stdin: false })
    const written: Record<Piece['from'], Buffer[]> = { stdout: [], stderr: [] }
    for await (const { from, bytes } of demultiplex(stream as unknown as AsyncIterable<Buffer>))
      written[from].push(bytes)
    return {
      exitCode: await exitCodeOf(exec),
      stdout: Buffer.concat(written.stdout).toString('utf8'),
      stderr: Buffer.concat(written.stderr).toString('utf8'),
    }
  }

  async write(files: readonly SandboxFile[]): Promise<void> {
    const now = Math.floor(Date.now() / 1000)
    const members = files.flatMap(({ path, content }) => {
      const bytes = Buffer.from(content as Uint8Array)
      const name = Buffer.from(path.replace(/^\//, '')).toString('latin1')
      const header = paxHeader({ path: name, type: 'file', size: bytes.length }, now)
      return [header, bytes, tarPadding(bytes.length)]
    })
    await this.#container.putArchive(Buffer.concat([...members, TAR_END]), { path: '/' })
  }

  async remove(path: string): Promise<void> {
    await this.run(['rm', '-f', '--', path])
  }

  async *read(directory: string): AsyncIterable<{ name: string; content: AsyncIterable<Uint8Array> }> {
    const stream = await this.#container.getArchive({ path: `${directory}/.` })
    for await (const { member, content } of tarMembers(stream as unknown as AsyncIterable<Uint8Array>)) {
      const name = Buffer.from(member.name, 'latin1').toString().replace(/^.*\//, '')
      if (member.flag === '0') yield { name, content }
    }
  }
}
