import { type ChildProcessByStdio, spawn } from 'node:child_process'
import type { Readable, Writable } from 'node:stream'
import { StillroomError } from '../../error.ts'
import { objectId } from '../../formats/git/git-object.ts'
import { GIT_OPTIONS, type GitRunner } from './run-git.ts'

type Kind = 'blob' | 'tree' | 'commit'

/** Reads objects of a repository by one git, one after the other, each verified against its id. */
export class ObjectReader {
  readonly #child: ChildProcessByStdio<Writable, Readable, null>
  readonly #chunks: AsyncIterator<Buffer>
  readonly #signal: AbortSignal
  #rest: Buffer = Buffer.alloc(0)

  constructor(directory: string, { env, signal }: GitRunner) {
    this.#signal = signal
    this.#child = spawn('git', [...GIT_OPTIONS, '-C', directory, 'cat-file', '--batch'], {
      env,
      signal,
      stdio: ['pipe', 'pipe', 'ignore'],
    })
    // a git that is gone shows when its output ends
    this.#child.on('error', () => {})
    this.#child.stdin.on('error', () => {})
    this.#chunks = this.#child.stdout[Symbol.asyncIterator]() as AsyncIterator<Buffer>
  }

  /** @throws {StillroomError} GIT_OBJECT_INVALID when the object is missing, of another kind, or not what its id says */
  async read(id: string, kind: Kind): Promise<Buffer> {
    this.#signal.throwIfAborted()
    this.#child.stdin.write(`${id}\n`)
    const [, found, size] = (await this.#line()).split(' ')
    if (found !== kind) {
      throw invalid(id, `expected a ${kind}, got ${size === undefined ? 'nothing' : `a ${found}`}`)
    }
    const content = await this.#take(Number(size) + 1)
    const bytes = content.subarray(0, -1)
    const actual = objectId(kind, bytes, id)
    if (actual !== id) throw invalid(id, `its content has the id ${actual}`)
    return bytes
  }

  [Symbol.dispose](): void {
    this.#child.kill()
  }

  async #line(): Promise<string> {
    for (;;) {
      const end = this.#rest.indexOf(0x0a)
      if (end >= 0) {
        const line = this.#rest.toString('latin1', 0, end)
        this.#rest = this.#rest.subarray(end + 1)
        return line
      }
      this.#rest = Buffer.concat([this.#rest, await this.#more()])
    }
  }

  async #take(size: number): Promise<Buffer> {
    const parts = [this.#rest]
    let length = this.#rest.length
    while (length < size) {
      const chunk = await this.#more()
      parts.push(chunk)
      length += chunk.length
    }
    const all = Buffer.concat(parts)
    this.#rest = all.subarray(size)
    return all.subarray(0, size)
  }

  async #more(): Promise<Buffer> {
    const { value, done } = await this.#chunks.next()
    this.#signal.throwIfAborted()
    if (done)
      throw new StillroomError('GIT_OBJECT_INVALID', 'git cat-file ended before it had given an object')
    return value
  }
}

function invalid(id: string, reason: string): StillroomError {
  return new StillroomError('GIT_OBJECT_INVALID', `cannot use git object ${id}: ${reason}`)
}
