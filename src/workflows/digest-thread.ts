import { hash } from 'node:crypto'
import type { FileHandle } from 'node:fs/promises'
import { Worker } from 'node:worker_threads'
import type { Algorithm, Digester } from '../image/digester.ts'
import type { Range } from './read-pieces.ts'

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

  /**
   * The sha256 of part of an open file, which the thread reads by itself; the file must stay open until then. The thread
   * ends when that is asked for.
   */
  async digestRange({ fd }: FileHandle, { from, size }: Range, signal?: AbortSignal): Promise<string> {
    signal?.throwIfAborted()
    const digest = this.#count++
    const result = this.result(digest)
    this.#worker ??= this.#start()
    this.#worker.postMessage({
      digest,
      algorithm: 'sha256',
      fd,
      from,
      length: size,
      last: true,
    } satisfies Task)
    const stop = () => void this.end(signal?.reason)
    signal?.addEventListener('abort', stop)
    try {
      return await result
    } finally {
      signal?.removeEventListener('abort', stop)
    }
  }

  /** Ends the thread; digests that are not finished never will be. */
  async end(reason: unknown = new Error('the thread has ended')): Promise<void> {
    await this.#worker?.terminate()
    this.#fail(reason)
  }

  piece(): ArrayBuffer {
    return this.#free.pop() ?? new ArrayBuffer(PIECE)
  }

  giveBack(piece: ArrayBuffer): void {
    if (this.#free.length < WAITING) this.#free.push(piece)
  }

  send(task: PieceTask): void {
    this.#worker ??= this.#start()
    this.#waiting += 1
    this.#worker.postMessage(task, [task.piece])
  }

  result(digest: number): Promise<string> {
    if (this.#failure !== undefined) return Promise.reject(this.#failure)
    const result = Promise.withResolvers<string>()
    // who asked may have met another error meanwhile
    result.promise.catch(() => {})
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
      if (piece !== undefined) {
        this.#waiting -= 1
        this.giveBack(piece)
      }
      if (result !== undefined) {
        this.#results.get(digest)?.resolve(result)
        this.#results.delete(digest)
      }
      if (this.#waiting <= WAITING / 2) this.#release()
    })
    worker.on('error', (error) => this.#fail(error))
    return worker
  }

  #fail(reason: unknown): void {
    this.#failure ??= reason
    for (const { reject } of this.#results.values()) reject(this.#failure)
    this.#release()
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

interface DigestTask {
  digest: number
  algorithm: Algorithm
  length: number
  /** After this the digest is asked for. */
  last: boolean
}

/** To the thread: the first `length` bytes of a piece belong to a digest. */
interface PieceTask extends DigestTask {
  piece: ArrayBuffer
}

/** To the thread: `length` bytes of an open file belong to a digest. */
interface RangeTask extends DigestTask {
  fd: number
  from: number
}

type Task = PieceTask | RangeTask

/** From the thread: the piece may be used again. */
interface Done {
  digest: number
  piece: ArrayBuffer | undefined
  result: string | undefined
}

/** What the thread runs: it is handed over as text and sees nothing of this module. */
function work(): void {
  const { createHash } = process.getBuiltinModule('node:crypto')
  const { readSync } = process.getBuiltinModule('node:fs')
  const { parentPort } = process.getBuiltinModule('node:worker_threads')
  const open = new Map<number, ReturnType<typeof createHash>>()
  let memory: Uint8Array | undefined
  parentPort?.on('message', (task: Task) => {
    const { digest, algorithm, length, last } = task
    const state = open.get(digest) ?? createHash(algorithm)
    const piece = 'piece' in task ? task.piece : undefined
    if ('piece' in task) state.update(new Uint8Array(task.piece, 0, length))
    else {
      memory ??= new Uint8Array(1024 * 1024)
      for (let at = 0; at < length; ) {
        const read = readSync(task.fd, memory, 0, Math.min(memory.length, length - at), task.from + at)
        if (read === 0) throw new Error(`${length - at} bytes are missing at its end`)
        state.update(memory.subarray(0, read))
        at += read
      }
    }
    if (last) open.delete(digest)
    else open.set(digest, state)
    const result = last ? state.digest('hex') : undefined
    parentPort.postMessage({ digest, piece, result } satisfies Done, piece === undefined ? [] : [piece])
  })
}
