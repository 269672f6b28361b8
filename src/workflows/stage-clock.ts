import type { Session } from './session.ts'

/** Tells each stage and how long it took. */
export class StageClock {
  readonly #session: Session
  readonly #stages: { name: string; started: number }[] = []

  constructor(session: Session) {
    this.#session = session
  }

  stage(name: string): void {
    this.#stages.push({ name, started: performance.now() })
    this.#session.progress({ kind: 'stage', title: name })
  }

  end(): { name: string; seconds: number }[] {
    const now = performance.now()
    return this.#stages.map(({ name, started }, index) => {
      const ended = this.#stages[index + 1]?.started ?? now
      return { name, seconds: Math.round(ended - started) / 1000 }
    })
  }
}
