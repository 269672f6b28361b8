import { availableParallelism } from 'node:os'
import { extname } from 'node:path'
import { Worker } from 'node:worker_threads'

/** Part of a file on disk. */
export interface FileRange {
  path: string
  /** Of the file before it was read, see `fileState`. */
  state: string
  from: number
  size: number
}

/** To the thread. */
export interface DigestTask extends FileRange {
  id: number
}

/** From the thread: the digest, or why there is none. */
export interface DigestResult {
  id: number
  hex?: string
  problem?: string
}

/** More would wait for the disk. */
const MOST = 4

interface Asked extends PromiseWithResolvers<string> {
  range: FileRange
  isDone: boolean
}

/**
 * Threads that take digests of files: one while the first thread reads; as many as there are processors once that has nothing to
 * do but wait for a digest. They start when there is something to do.
 */
export class DigestThreads {
  readonly signal: AbortSignal | undefined
  readonly #abort = () => void this.end(this.signal?.reason)
  /** By the number of their task. */
  readonly #asked: Asked[] = []
  readonly #byRange = new Map<string, Asked>()
  /** How many of them a thread has begun with. */
  #begun = 0
  readonly #workers: Worker[] = []
  readonly #idle: Worker[] = []
  #failure: unknown

  /** @param signal ends the threads */
  constructor(signal?: AbortSignal) {
    this.signal = signal
    signal?.addEventListener('abort', this.#abort)
  }

  /**
   * The sha256 of part of a file, in hex, begun with after all that were asked for before. Asked again it is the same one.
   *
   * @param ahead whether the first thread does something else meanwhile
   * @throws when it can't be read, or is not in the state that it was in
   */
  sha256(range: FileRange, { ahead = false } = {}): Promise<string> {
    const key = JSON.stringify(range)
    const { promise, isDone } = this.#byRange.get(key) ?? this.#ask(key, range)
    const most = ahead || isDone ? 1 : Math.min(availableParallelism(), MOST)
    while (this.#failure === undefined && this.#begun < this.#asked.length) {
      const worker = this.#idle.pop() ?? (this.#workers.length < most ? this.#start() : undefined)
      if (worker === undefined) break
      this.#giveWork(worker)
    }
    return promise
  }

  #ask(key: string, range: FileRange): Asked {
    const asked: Asked = { range, isDone: false, ...Promise.withResolvers<string>() }
    // who asked may have met another error meanwhile
    asked.promise.catch(() => {})
    this.#asked.push(asked)
    this.#byRange.set(key, asked)
    if (this.signal?.aborted) this.#fail(this.signal.reason)
    if (this.#failure !== undefined) asked.reject(this.#failure)
    return asked
  }

  /** Ends the threads; digests that are not there yet never will be. */
  async end(reason: unknown = new Error('the threads have ended')): Promise<void> {
    this.signal?.removeEventListener('abort', this.#abort)
    this.#fail(reason)
    await Promise.all(this.#workers.map((worker) => worker.terminate()))
  }

  #start(): Worker {
    // beside this file in the sources and in the package
    const worker = new Worker(new URL(`digest-worker${extname(import.meta.url)}`, import.meta.url))
    worker.on('message', ({ id, hex, problem }: DigestResult) => {
      const asked = this.#asked[id] as Asked
      asked.isDone = true
      if (hex === undefined) asked.reject(new Error(problem))
      else asked.resolve(hex)
      this.#giveWork(worker)
    })
    worker.on('error', (error) => this.#fail(error))
    this.#workers.push(worker)
    return worker
  }

  #giveWork(worker: Worker): void {
    const asked = this.#asked[this.#begun]
    if (asked === undefined) {
      this.#idle.push(worker)
      return
    }
    const task: DigestTask = { id: this.#begun++, ...asked.range }
    worker.postMessage(task)
  }

  #fail(reason: unknown): void {
    this.#failure ??= reason
    for (const { reject } of this.#asked) reject(reason)
  }
}
