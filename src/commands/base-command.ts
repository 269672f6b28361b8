import { Command, Errors, Flags, type Interfaces } from '@oclif/core'
import { StillroomError } from '../error.ts'
import { describeError, type ErrorReport } from '../report/describe-error.ts'
import { openSession, type Session } from '../workflows/session.ts'
import { progressDisplay } from './live-display.ts'
import { usageError } from './usage-error.ts'

type FlagOutput = Interfaces.OutputFlags<Interfaces.FlagInput>
type ArgOutput = Interfaces.OutputArgs<Interfaces.ArgInput>

/** What `--json` prints, among those of several recipes, of one that failed. */
export interface FailedRecipe extends ErrorReport {
  recipe: string
}

/**
 * What every command shares: exit codes, errors on stderr or as JSON, progress, and the answer to Ctrl-C.
 * oclif's own handling loses exit codes under `--json`, so errors don't reach it.
 */
export abstract class BaseCommand extends Command {
  static override enableJsonFlag = true
  static override baseFlags = {
    directory: Flags.directory({
      char: 'C',
      description: 'the project: the directory that holds recipes and generated',
      default: '.',
      helpGroup: 'GLOBAL',
    }),
  }

  /** Whether it takes from the cache what must not be pruned meanwhile. */
  static readonly usesCache: boolean = false

  readonly #abort = new AbortController()
  readonly #progress = progressDisplay(process.stderr, process.env, this.jsonEnabled())

  override log(message?: string, ...values: unknown[]): void {
    this.endProgress()
    super.log(message, ...values)
  }

  /** To be called before anything is written to the terminal that is no progress. */
  protected endProgress(): void {
    this.#progress.end()
  }

  protected get signal(): AbortSignal {
    return this.#abort.signal
  }

  /** What a command line says, and a session for it. */
  protected async open<F extends FlagOutput, B extends FlagOutput, A extends ArgOutput>(
    command: Interfaces.Input<F, B, A>,
  ) {
    const parsed = await this.parse(command)
    return { ...parsed, session: await this.#session(`${parsed.flags['directory']}`) }
  }

  /** Opens what workflows need; SIGINT, SIGTERM and SIGHUP end the work in order from then on. */
  async #session(directory: string): Promise<Session> {
    for (const name of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) {
      // not `once`: execa ends the process when no listener but its own is left
      process.on(name, () => {
        this.#abort.abort(new StillroomError('INTERRUPTED', `interrupted by ${name}`))
      })
    }
    const { resolve } = await import('node:path')
    const session = await openSession({
      directory: resolve(directory),
      env: process.env,
      signal: this.signal,
      progress: this.#progress.report,
    })
    if ((this.ctor as typeof BaseCommand).usesCache) {
      const { useCache } = await import('../store/cache-users.ts')
      const text = 'waiting for another process that removes what is no longer needed'
      await useCache(session.cache, this.signal, () => this.#progress.report({ kind: 'note', text }))
    }
    return session
  }

  /**
   * Works on recipes in turn. One recipe: what the work gives, or its error. Several: what it gives for each; an error is told
   * at once, stands for its recipe, and keeps none of the others from their turn, unless a signal came.
   */
  protected async inTurn<Result>(
    names: readonly string[],
    work: (name: string) => Promise<Result>,
  ): Promise<Result | (Result | FailedRecipe)[]> {
    const [only, ...others] = names
    if (only !== undefined && others.length === 0) return work(only)
    const results: (Result | FailedRecipe)[] = []
    for (const [index, recipe] of names.entries()) {
      this.signal.throwIfAborted()
      this.#progress.report({ kind: 'stage', title: `recipe ${recipe}, ${index + 1} of ${names.length}` })
      try {
        results.push(await work(recipe))
      } catch (error) {
        if (this.signal.aborted) throw error
        const { exitCode, text, json } = describeError(error)
        this.#progress.end(true)
        if (!this.jsonEnabled()) process.stderr.write(text)
        this.exitAtLeast(exitCode)
        results.push({ recipe, error: json })
      }
    }
    return results
  }

  /** Exit codes grow with what went wrong: of several, the greatest counts. */
  protected exitAtLeast(code: number): void {
    process.exitCode = Math.max(Number(process.exitCode ?? 0), code)
  }

  protected override async catch(error: Error): Promise<unknown> {
    this.#progress.end(true)
    const described = describeError(this.#cause(error))
    process.exitCode = described.exitCode
    if (this.jsonEnabled()) this.logJson({ error: described.json })
    else process.stderr.write(described.text)
    return undefined
  }

  protected override async finally(error: Error | undefined): Promise<void> {
    this.endProgress()
    await super.finally(error)
  }

  #cause(error: Error): unknown {
    if (this.#abort.signal.aborted && !(error instanceof StillroomError)) return this.#abort.signal.reason
    if (error instanceof Errors.CLIError) return usageError(error, this.ctor)
    return error
  }
}
