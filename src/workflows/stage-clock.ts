import type { Progress } from './ports.ts'

/** Tells each stage and how long it took. */
export class StageClock {
  readonly #progress: Progress
  readonly #stages: { name: string; started: number }[] = []

  constructor(progress: Progress) {
    this.#progress = progress
  }

  get current(): string | undefined {
    return this.#stages.at(-1)?.name
  }

  stage(name: string): void {
    this.#stages.push({ name, started: performance.now() })
    this.#progress({ kind: 'stage', title: name })
  }

  end(): { name: string; seconds: number }[] {
    const now = performance.now()
    return this.#stages.map(({ name, started }, index) => {
      const ended = this.#stages[index + 1]?.started ?? now
      return { name, seconds: Math.round(ended - started) / 1000 }
    })
  }
}
