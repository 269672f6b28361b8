import { hash } from 'node:crypto'
import { Worker } from 'node:worker_threads'
import type { Algorithm, Digester } from '../image/digester.ts'

/** Bytes that go over to the thread at a time, and how many pieces may wait there. */
const PIECE = 1024 * 1024
const WAITING = 8

/** A second thread that takes digests while the first one reads. It starts when there is something for it to do. */
export class DigestThread {
  #worker: Worker | undefined
  readonly #results = new Map<number, PromiseWithResolvers<string>>()
  readonly #free: ArrayBuffer[] = []
  #waiting = 0
  #turn: PromiseWithResolvers<void> | undefined
  #failure: unknown
  #count = 0

  /** One more digest to take. */
  digester(algorithm: Algorithm): Digester {
    return new ThreadDigester(this, this.#count++, algorithm)
  }

  /** Ends the thread; digests that are not finished never will be. */
  async end(): Promise<void> {
    await this.#worker?.terminate()
  }

  piece(): ArrayBuffer {
    return this.#free.pop() ?? new ArrayBuffer(PIECE)
  }

  giveBack(piece: ArrayBuffer): void {
    if (this.#free.length < WAITING) this.#free.push(piece)
  }

  send(task: Task): void {
    this.#worker ??= this.#start()
    this.#waiting += 1
    this.#worker.postMessage(task, [task.piece])
  }

  result(digest: number): Promise<string> {
    if (this.#failure !== undefined) return Promise.reject(this.#failure)
    const result = Promise.withResolvers<string>()
    this.#results.set(digest, result)
    return result.promise
  }

  drained(): Promise<void> | undefined {
    if (this.#waiting < WAITING || this.#failure !== undefined) return undefined
    this.#turn ??= Promise.withResolvers()
    return this.#turn.promise
  }

  #start(): Worker {
    // as text, so that it is the same from the sources and from a bundle
    const worker = new Worker(`(${work.toString()})()`, { eval: true })
    worker.on('message', ({ digest, piece, result }: Done) => {
      this.#waiting -= 1
      this.giveBack(piece)
      if (result !== undefined) {
        this.#results.get(digest)?.resolve(result)
        this.#results.delete(digest)
      }
      if (this.#waiting <= WAITING / 2) this.#release()
    })
    worker.on('error', (error) => {
      this.#failure = error
      for (const { reject } of this.#results.values()) reject(error)
      this.#release()
    })
    return worker
  }

  #release(): void {
    this.#turn?.resolve()
    this.#turn = undefined
  }
}

class ThreadDigester implements Digester {
  readonly #thread: DigestThread
  readonly #number: number
  readonly #algorithm: Algorithm
  #piece: ArrayBuffer | undefined
  #filled = 0
  #sent = false

  constructor(thread: DigestThread, number: number, algorithm: Algorithm) {
    this.#thread = thread
    this.#number = number
    this.#algorithm = algorithm
  }

  update(bytes: Buffer): void {
    for (let at = 0; at < bytes.length; ) {
      if (this.#filled === PIECE) this.#send(false)
      this.#piece ??= this.#thread.piece()
      const length = Math.min(PIECE - this.#filled, bytes.length - at)
      new Uint8Array(this.#piece, this.#filled, length).set(bytes.subarray(at, at + length))
      this.#filled += length
      at += length
    }
  }

  drained(): Promise<void> | undefined {
    return this.#thread.drained()
  }

  async digest(): Promise<string> {
    if (this.#sent) {
      const result = this.#thread.result(this.#number)
      this.#send(true)
      return result
    }
    // not worth the way there and back
    const piece = this.#piece ?? new ArrayBuffer(0)
    const result = hash(this.#algorithm, new Uint8Array(piece, 0, this.#filled), 'hex')
    if (this.#piece !== undefined) this.#thread.giveBack(this.#piece)
    this.#piece = undefined
    return result
  }

  #send(last: boolean): void {
    const piece = this.#piece ?? this.#thread.piece()
    this.#thread.send({ digest: this.#number, algorithm: this.#algorithm, piece, length: this.#filled, last })
    this.#piece = undefined
    this.#filled = 0
    this.#sent = true
  }
}

/** To the thread: the first `length` bytes of a piece belong to a digest; after the last of them it is asked for. */
interface Task {
  digest: number
  algorithm: Algorithm
  piece: ArrayBuffer
  length: number
  last: boolean
}

/** From the thread: the piece may be used again. */
interface Done {
  digest: number
  piece: ArrayBuffer
  result: string | undefined
}

/** What the thread runs: it is handed over as text and sees nothing of this module. */
function work(): void {
  const { createHash } = process.getBuiltinModule('node:crypto')
  const { parentPort } = process.getBuiltinModule('node:worker_threads')
  const open = new Map<number, ReturnType<typeof createHash>>()
  parentPort?.on('message', ({ digest, algorithm, piece, length, last }: Task) => {
    const state = open.get(digest) ?? createHash(algorithm)
    state.update(new Uint8Array(piece, 0, length))
    if (last) open.delete(digest)
    else open.set(digest, state)
    const done: Done = { digest, piece, result: last ? state.digest('hex') : undefined }
    parentPort.postMessage(done, [piece])
  })
}
