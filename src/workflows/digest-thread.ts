import { hash } from 'node:crypto'
import { Worker } from 'node:worker_threads'
import type { Algorithm, Digester } from '../image/digester.ts'
import { PIECE, type SharedPieces } from './shared-pieces.ts'

/** How many pieces may wait for the thread. */
const WAITING = 8
/** From how many bytes on they are read where they lie, and not gathered first. */
const LARGE = 64 * 1024

/** A second thread that takes digests while the first one reads. It starts when there is something for it to do. */
export class DigestThread {
  /** What this thread and the other one may read at the same time. */
  readonly memory: SharedPieces
  #worker: Worker | undefined
  readonly #results = new Map<number, PromiseWithResolvers<string>>()
  readonly #free: ArrayBuffer[] = []
  #waiting = 0
  #turn: PromiseWithResolvers<void> | undefined
  #failure: unknown
  #count = 0
  #tasks = 0
  /** Pieces that the other thread reads where they lie, by task. */
  readonly #shared = new Map<number, SharedArrayBuffer>()

  constructor(memory: SharedPieces) {
    this.memory = memory
  }

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

  send(task: Omit<Task, 'number'>): void {
    this.#worker ??= this.#start()
    this.#waiting += 1
    const number = this.#tasks++
    const { piece } = task
    if (piece instanceof ArrayBuffer) {
      this.#worker.postMessage({ ...task, number }, [piece])
    } else {
      // held for as long as the other thread reads it
      this.memory.hold(piece)
      this.#shared.set(number, piece)
      this.#worker.postMessage({ ...task, number })
    }
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
    worker.on('message', ({ number, digest, piece, result }: Done) => {
      this.#waiting -= 1
      if (piece !== undefined) this.giveBack(piece)
      const shared = this.#shared.get(number)
      if (shared !== undefined) this.memory.drop(shared)
      this.#shared.delete(number)
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
    const { buffer: piece, byteOffset: offset, length } = bytes
    if (length >= LARGE && this.#thread.memory.has(piece)) {
      if (this.#filled > 0) this.#send(false)
      this.#post(piece, offset, length, false)
      return
    }
    for (let at = 0; at < length; ) {
      if (this.#filled === PIECE) this.#send(false)
      this.#piece ??= this.#thread.piece()
      const count = Math.min(PIECE - this.#filled, length - at)
      new Uint8Array(this.#piece, this.#filled, count).set(bytes.subarray(at, at + count))
      this.#filled += count
      at += count
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
    this.#post(this.#piece ?? this.#thread.piece(), 0, this.#filled, last)
    this.#piece = undefined
    this.#filled = 0
  }

  #post(piece: Task['piece'], offset: number, length: number, last: boolean): void {
    const [digest, algorithm] = [this.#number, this.#algorithm]
    this.#thread.send({ digest, algorithm, piece, offset, length, last })
    this.#sent = true
  }
}

/** To the thread: some bytes of a piece belong to a digest; after the last of them it is asked for. */
interface Task {
  number: number
  digest: number
  algorithm: Algorithm
  piece: ArrayBuffer | SharedArrayBuffer
  offset: number
  length: number
  last: boolean
}

/** From the thread: the piece of a task may be used again; one that went over comes back. */
interface Done {
  number: number
  digest: number
  piece: ArrayBuffer | undefined
  result: string | undefined
}

/** What the thread runs: it is handed over as text and sees nothing of this module. */
function work(): void {
  const { createHash } = process.getBuiltinModule('node:crypto')
  const { parentPort } = process.getBuiltinModule('node:worker_threads')
  const open = new Map<number, ReturnType<typeof createHash>>()
  parentPort?.on('message', ({ number, digest, algorithm, piece, offset, length, last }: Task) => {
    const state = open.get(digest) ?? createHash(algorithm)
    state.update(new Uint8Array(piece, offset, length))
    if (last) open.delete(digest)
    else open.set(digest, state)
    const moved = piece instanceof ArrayBuffer ? piece : undefined
    const done: Done = { number, digest, piece: moved, result: last ? state.digest('hex') : undefined }
    parentPort.postMessage(done, moved === undefined ? [] : [moved])
  })
}
