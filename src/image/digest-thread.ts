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

/** A second thread that takes digests of files while the first one reads. It starts when there is something to do. */
export class DigestThread {
  readonly signal: AbortSignal | undefined
  readonly #abort = () => void this.end(this.signal?.reason)
  /** By the number of their task; as many as it has ranges that were asked for. */
  readonly #results: PromiseWithResolvers<string>[] = []
  readonly #asked = new Map<string, Promise<string>>()
  #worker: Worker | undefined
  #failure: unknown

  /** @param signal ends the thread */
  constructor(signal?: AbortSignal) {
    this.signal = signal
    signal?.addEventListener('abort', this.#abort)
  }

  /**
   * The sha256 of part of a file, in hex, after all that were asked for before. Asked again it is the same one.
   *
   * @throws when it can't be read, or is not in the state that it was in
   */
  sha256(range: FileRange): Promise<string> {
    const key = JSON.stringify(range)
    const asked = this.#asked.get(key)
    if (asked !== undefined) return asked
    const result = Promise.withResolvers<string>()
    // who asked may have met another error meanwhile
    result.promise.catch(() => {})
    this.#asked.set(key, result.promise)
    const task: DigestTask = { id: this.#results.push(result) - 1, ...range }
    if (this.#failure !== undefined || this.signal?.aborted) {
      result.reject(this.#failure ?? this.signal?.reason)
      return result.promise
    }
    this.#worker ??= this.#start()
    this.#worker.postMessage(task)
    return result.promise
  }

  /** Ends the thread; digests that are not there yet never will be. */
  async end(reason: unknown = new Error('the thread has ended')): Promise<void> {
    this.signal?.removeEventListener('abort', this.#abort)
    this.#fail(reason)
    await this.#worker?.terminate()
  }

  #start(): Worker {
    // beside this file in the sources and in the package
    const worker = new Worker(new URL(`digest-worker${extname(import.meta.url)}`, import.meta.url))
    worker.on('message', ({ id, hex, problem }: DigestResult) => {
      if (hex === undefined) this.#results[id]?.reject(new Error(problem))
      else this.#results[id]?.resolve(hex)
    })
    worker.on('error', (error) => this.#fail(error))
    return worker
  }

  #fail(reason: unknown): void {
    this.#failure ??= reason
    for (const { reject } of this.#results) reject(reason)
  }
}
