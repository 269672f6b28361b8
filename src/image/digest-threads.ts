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
}

/**
 * Threads that take digests of files while the first one reads, as many as there are processors. They start when there is
 * something to do.
 */
export class DigestThreads {
  readonly signal: AbortSignal | undefined
  readonly #abort = () => void this.end(this.signal?.reason)
  readonly #asked = new Map<string, Promise<string>>()
  /** What no thread has begun with, the next one first. */
  readonly #waiting: Asked[] = []
  /** By the number of their task; as many as threads have begun with. */
  readonly #begun: Asked[] = []
  readonly #workers: Worker[] = []
  readonly #idle: Worker[] = []
  #failure: unknown

  /** @param signal ends the threads */
  constructor(signal?: AbortSignal) {
    this.signal = signal
    signal?.addEventListener('abort', this.#abort)
  }

  /**
   * The sha256 of part of a file, in hex. Asked again it is the same one.
   *
   * @param isNext whether it comes before what was asked for earlier and no thread has begun with
   * @throws when it can't be read, or is not in the state that it was in
   */
  sha256(range: FileRange, { isNext = false } = {}): Promise<string> {
    const key = JSON.stringify(range)
    const known = this.#asked.get(key)
    if (known !== undefined) return known
    const asked: Asked = { range, ...Promise.withResolvers<string>() }
    // who asked may have met another error meanwhile
    asked.promise.catch(() => {})
    this.#asked.set(key, asked.promise)
    if (this.#failure !== undefined || this.signal?.aborted) {
      asked.reject(this.#failure ?? this.signal?.reason)
      return asked.promise
    }
    if (isNext) this.#waiting.unshift(asked)
    else this.#waiting.push(asked)
    const worker = this.#idle.pop() ?? this.#start()
    if (worker !== undefined) this.#giveWork(worker)
    return asked.promise
  }

  /** Ends the threads; digests that are not there yet never will be. */
  async end(reason: unknown = new Error('the threads have ended')): Promise<void> {
    this.signal?.removeEventListener('abort', this.#abort)
    this.#fail(reason)
    await Promise.all(this.#workers.map((worker) => worker.terminate()))
  }

  /** Undefined when there are enough. */
  #start(): Worker | undefined {
    if (this.#workers.length >= Math.min(availableParallelism(), MOST)) return undefined
    // beside this file in the sources and in the package
    const worker = new Worker(new URL(`digest-worker${extname(import.meta.url)}`, import.meta.url))
    worker.on('message', ({ id, hex, problem }: DigestResult) => {
      if (hex === undefined) this.#begun[id]?.reject(new Error(problem))
      else this.#begun[id]?.resolve(hex)
      this.#giveWork(worker)
    })
    worker.on('error', (error) => this.#fail(error))
    this.#workers.push(worker)
    return worker
  }

  #giveWork(worker: Worker): void {
    const asked = this.#waiting.shift()
    if (asked === undefined) {
      this.#idle.push(worker)
      return
    }
    const task: DigestTask = { id: this.#begun.push(asked) - 1, ...asked.range }
    worker.postMessage(task)
  }

  #fail(reason: unknown): void {
    this.#failure ??= reason
    for (const { reject } of [...this.#begun, ...this.#waiting]) reject(reason)
  }
}
