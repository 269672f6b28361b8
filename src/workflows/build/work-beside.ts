import type { Cancellation, Reporting } from '../ports.ts'
import type { StageClock } from '../stage-clock.ts'

/** Work that goes on while something else is done. */
export interface Beside<T> {
  result: Promise<T>
  /** Ends it; nothing of it goes on afterwards. */
  stop(): Promise<void>
}

/** Works that go on beside what a workflow does. None outlives it: it is to be disposed of, or stopped. */
export class WorkBeside<Session extends Cancellation & Reporting> implements AsyncDisposable {
  readonly #session: Session
  readonly #clock: StageClock
  readonly #works: Beside<unknown>[] = []

  constructor(session: Session, clock: StageClock) {
    this.#session = session
    this.#clock = clock
  }

  /**
   * @param stage its own: in the middle of another one, that stands before what it says
   * @param work gets a session that ends when the work is to
   */
  start<T>(stage: string, work: (session: Session) => Promise<T>): Beside<T> {
    const { signal, progress } = this.#session
    const over = new AbortController()
    const session: Session = {
      ...this.#session,
      signal: AbortSignal.any([signal, over.signal]),
      progress: (event) => {
        if (over.signal.aborted) return
        const isApart = event.kind === 'status' && this.#clock.current !== stage
        progress(isApart ? { ...event, text: `${stage}: ${event.text}` } : event)
      },
    }
    const result = work(session)
    const settled = result.then(
      () => {},
      () => {},
    )
    const beside = {
      result,
      stop: () => {
        over.abort()
        return settled
      },
    }
    this.#works.push(beside)
    return beside
  }

  async stop(): Promise<void> {
    await Promise.all(this.#works.map((work) => work.stop()))
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.stop()
  }
}
