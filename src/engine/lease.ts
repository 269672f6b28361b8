import { randomBytes } from 'node:crypto'
import { once } from 'node:events'
import { createInterface } from 'node:readline'
import { PassThrough, type Readable } from 'node:stream'
import type Docker from 'dockerode'
import { demultiplex } from './demultiplex.ts'
import { unlessStatus } from './engine-error.ts'
import { CLOSED, DIRECTORY, LEASE } from './lease-scripts.ts'

/** The uid and gid to work under, so that what is written to a shared folder is its owner's. */
export interface MovedUser {
  uid: number
  gid: number
  /** The image's user, who takes that uid, with all files; none when the image has only root, who keeps them. */
  user?: { name: string; uid: number; volumes: string[] } | undefined
}

/** A place in a task container: as long as one is held, the container runs. */
export class Lease {
  readonly #lines: AsyncIterator<string>
  readonly #stream: NodeJS.ReadWriteStream
  /** File of the container for the task's process id. */
  readonly taskFile: string

  private constructor(stream: NodeJS.ReadWriteStream, lines: AsyncIterator<string>, id: string) {
    this.#stream = stream
    this.#lines = lines
    this.taskFile = `${DIRECTORY}/task.${id}`
  }

  /** Takes a lease in a running container; undefined when the container is ending. */
  static async take(container: Docker.Container, moved?: MovedUser): Promise<Lease | undefined> {
    const id = randomBytes(8).toString('hex')
    const account = moved?.user
      ? [moved.user.name, moved.user.uid, moved.uid, moved.gid, ...moved.user.volumes]
      : []
    const exec = await container.exec({
      Cmd: ['/bin/sh', '-c', LEASE, 'sh', id, ...account.map(String)],
      User: '0:0',
      WorkingDir: '/',
      AttachStdin: true,
      AttachStdout: true,
      AttachStderr: true,
    })
    const stream = await exec.start({ hijack: true, stdin: true })
    const said: string[] = []
    const lines = readLines(stream, said)
    const first = await lines.next()
    if (!first.done && first.value === 'held') return new Lease(stream, lines, id)
    const state = await exec.inspect().catch(unlessStatus(404))
    // The container's end kills what is in it: 137, or no answer at all
    if (!state || state.Running || [CLOSED, 137, null].includes(state.ExitCode)) return undefined
    throw new Error(`no lease in the container, exit code ${state.ExitCode}: ${said.join('')}`)
  }

  /** Delivers a signal to the process group of the task. */
  signal(name: string): void {
    this.#stream.write(`${name.replace(/^SIG/, '')}\n`)
  }

  /** @returns whether it was the last lease: then the container ends */
  async leave(): Promise<boolean> {
    this.#stream.write('end\n')
    const { value, done } = await this.#lines.next()
    this.#stream.end()
    if (!this.#stream.readable) return done === true || value === 'last'
    ;(this.#stream as unknown as Readable).resume()
    await once(this.#stream, 'close')
    return done === true || value === 'last'
  }
}

function readLines(stream: NodeJS.ReadWriteStream, errors: string[]): AsyncIterator<string> {
  const output = new PassThrough()
  const pump = async () => {
    for await (const { from, bytes } of demultiplex(stream as unknown as AsyncIterable<Buffer>)) {
      if (from === 'stdout') output.write(bytes)
      else errors.push(bytes.toString('utf8'))
    }
  }
  // A broken connection reads like the end: whoever waits for a line sees none
  void pump()
    .catch(() => {})
    .finally(() => output.end())
  return createInterface({ input: output })[Symbol.asyncIterator]()
}
