import { hash } from 'node:crypto'
import { Worker } from 'node:worker_threads'
import type { Algorithm, Digester } from './digester.ts'
import type { Range } from './read-pieces.ts'

/** Bytes that go over to the thread at a time, and how many pieces may wait there. */
const PIECE = 1024 * 1024
const WAITING = 8

/** A second thread that takes digests while the first one reads. It starts when there is something for it to do. */
export class DigestThread {
  readonly signal: AbortSignal | undefined
  readonly #abort = () => void this.end(this.signal?.reason)
  #worker: Worker | undefined
  readonly #results = new Map<number, PromiseWithResolvers<string>>()
  readonly #free: ArrayBuffer[] = []
  #waiting = 0
  #turn: PromiseWithResolvers<void> | undefined
  #failure: unknown
  #count = 0

  /** @param signal ends the thread */
  constructor(signal?: AbortSignal) {
    this.signal = signal
    signal?.addEventListener('abort', this.#abort)
  }

  /** One more digest to take. */
  digester(algorithm: Algorithm): Digester {
    return new ThreadDigester(this, this.#count++, algorithm)
  }

  /**
   * The sha256 of part of a file, which the thread reads by itself.
   *
   * @param state of the file, see {@link fileState}; the promise is rejected when it is another after reading
   * @param when `soon` before all that is wanted `later`
   */
  async digestRange(
    path: string,
    state: string,
    { from, size }: Range,
    when: 'soon' | 'later',
  ): Promise<string> {
    this.signal?.throwIfAborted()
    const digest = this.#count++
    const result = this.result(digest)
    const task: RangeTask = { digest, path, state, from, size, when }
    this.#worker ??= this.#start()
    this.#worker.postMessage(task)
    return result
  }

  /** Ends the thread; digests that are not finished never will be. */
  async end(reason: unknown = new Error('the thread has ended')): Promise<void> {
    this.signal?.removeEventListener('abort', this.#abort)
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

/** To the thread: the first `length` bytes of a piece belong to a digest; after the last of them it is asked for. */
interface PieceTask {
  digest: number
  algorithm: Algorithm
  piece: ArrayBuffer
  length: number
  last: boolean
}

/** To the thread: take the sha256 of part of a file. */
interface RangeTask extends Range {
  digest: number
  path: string
  state: string
  when: 'soon' | 'later'
}

/** From the thread: the piece may be used again. */
interface Done {
  digest: number
  piece: ArrayBuffer | undefined
  result: string | undefined
}

/** What changes when a file is written to: its number and the time of its last change, in nanoseconds. */
export function fileState({ ino, ctimeNs }: { ino: bigint; ctimeNs: bigint }): string {
  return `${ino} ${ctimeNs}`
}

/** What the thread runs: it is handed over as text and sees nothing of this module. */
function work(): void {
  const { createHash } = process.getBuiltinModule('node:crypto')
  const { constants, fstatSync, openSync, readSync } = process.getBuiltinModule('node:fs')
  const { parentPort } = process.getBuiltinModule('node:worker_threads')
  const open = new Map<number, ReturnType<typeof createHash>>()
  /** Closed when the thread ends. */
  const files = new Map<string, number>()
  const memory = new Uint8Array(1024 * 1024)
  interface Job extends RangeTask {
    hash: ReturnType<typeof createHash>
    at: number
  }
  const later: Job[] = []

  const takePiece = ({ digest, algorithm, piece, length, last }: PieceTask) => {
    const state = open.get(digest) ?? createHash(algorithm)
    state.update(new Uint8Array(piece, 0, length))
    if (last) open.delete(digest)
    else open.set(digest, state)
    const done: Done = { digest, piece, result: last ? state.digest('hex') : undefined }
    parentPort?.postMessage(done, [piece])
  }
  /** Reads on, and tells the digest at the end. */
  const readOn = (job: Job, most: number) => {
    const fd = files.get(job.path) ?? openSync(job.path, constants.O_RDONLY | constants.O_NONBLOCK)
    files.set(job.path, fd)
    for (const end = Math.min(job.size, job.at + most); job.at < end; ) {
      const read = readSync(fd, memory, 0, Math.min(memory.length, end - job.at), job.from + job.at)
      if (read === 0) throw new Error('it is shorter than it was')
      job.hash.update(memory.subarray(0, read))
      job.at += read
    }
    if (job.at < job.size) return
    const { ino, ctimeNs } = fstatSync(fd, { bigint: true })
    if (`${ino} ${ctimeNs}` !== job.state) throw new Error('it was changed while it was read')
    const done: Done = { digest: job.digest, piece: undefined, result: job.hash.digest('hex') }
    parentPort?.postMessage(done)
  }
  const goOn = () => {
    const [job] = later
    if (job === undefined) return
    readOn(job, 4 * memory.length)
    if (job.at === job.size) later.shift()
    if (later.length > 0) setImmediate(goOn)
  }
  parentPort?.on('message', (task: PieceTask | RangeTask) => {
    if ('piece' in task) return takePiece(task)
    const job = { ...task, hash: createHash('sha256'), at: 0 }
    if (task.when === 'soon') return readOn(job, task.size)
    later.push(job)
    if (later.length === 1) setImmediate(goOn)
  })
}
