import { Flags } from '@oclif/core'
import type { LockCheck } from '../../workflows/lock/find-stale.ts'
import type { LockOptions, LockResult } from '../../workflows/lock/lock-recipe.ts'
import type { Session } from '../../workflows/session.ts'
import { BaseCommand, type FailedRecipe } from '../base-command.ts'
import { RECIPES } from '../shared-flags.ts'

/** What `--json` prints: of locking, or of `--check`. */
export type LockReport =
  | (Pick<LockResult, 'recipe' | 'outcome' | 'changes'> & {
      /** What is left out of the image, and what is known not to rebuild. */
      notes: string[]
    })
  | LockCheck

/** What `--json` prints of several recipes. */
export type LockReports = (LockReport | FailedRecipe)[]

export default class LockRecipe extends BaseCommand {
  static override readonly usesCache = true
  static override summary = 'Resolve recipes to exact pins'
  static override description =
    'Writes recipes/NAME/lock.json and generated/NAME. What the recipe asks for as before keeps its pins. ' +
    '--upgrade takes the newest of everything; with packages named, these move, and what must move with them.'
  static override examples = [
    '<%= config.bin %> lock recipe hello',
    '<%= config.bin %> lock recipe hello --check',
    '<%= config.bin %> lock recipe fenics-tf --upgrade pip:matplotlib',
  ]
  static override usage = 'lock recipe NAME... [--check] | NAME --upgrade [PACKAGE...] [--older-indexes]'
  static override args = { name: RECIPES }
  static override flags = {
    upgrade: Flags.boolean({
      description:
        'take the newest of everything, or of the packages named after the recipe: NAME, apt:NAME, pip:NAME',
      exclusive: ['check'],
    }),
    'older-indexes': Flags.boolean({
      description: 'take indexes of apt also when they are older than the locked ones',
      exclusive: ['check'],
    }),
    check: Flags.boolean({
      description: 'only say whether the lock is stale, and why; exit code 1 when it is',
    }),
  }

  async run(): Promise<LockReport | LockReports> {
    const { args, flags, session } = await this.open(LockRecipe)
    if (flags.check) return this.inTurn(args.name, (name) => this.#check(session, name))
    const [first = '', ...packages] = args.name
    const names = flags.upgrade ? [first] : args.name
    const options = {
      upgrade: flags.upgrade ? (packages.length > 0 ? packages : ('all' as const)) : undefined,
      olderIndexes: flags['older-indexes'],
    }
    return this.inTurn(names, (name) => this.#lock(session, name, options))
  }

  async #check(session: Session, name: string): Promise<LockCheck> {
    const { checkLock } = await import('../../workflows/lock/find-stale.ts')
    const result = await checkLock(session, name)
    this.log(`recipes/${name}/lock.json is ${result.stale ? 'stale:' : 'up to date'}`)
    const { staleLines } = await import('../../report/split-field.ts')
    for (const line of staleLines(result.changes)) this.log(`  ${line}`)
    if (result.stale) this.exitAtLeast(1)
    return result
  }

  async #lock(session: Session, name: string, options: LockOptions): Promise<LockReport> {
    const { lockRecipe } = await import('../../workflows/lock/lock-recipe.ts')
    const { recipe, outcome, changes, lock } = await lockRecipe(session, name, options)
    const path = `recipes/${recipe}/lock.json`
    this.log(outcome === 'current' ? `${path} is up to date` : `wrote ${path}`)
    for (const note of pipNotes(lock)) this.log(note)
    const { lockNotes } = await import('../../report/lock-notes.ts')
    const notes = lockNotes(lock)
    for (const note of notes) this.log(`  ${note}`)
    return { recipe, outcome, changes, notes }
  }
}

type Lock = import('../../lock/schema.ts').Lockfile

/** What Debian provides for pip, and what pip hides of Debian's: to be seen, not guessed. */
function pipNotes(lock: Lock): string[] {
  const steps = Object.values(lock.platforms).flatMap((platform) => platform.steps)
  return steps.flatMap((step) => {
    if (step.kind !== 'pip') return []
    const respected = step.provided.map(
      ({ name, version }) => `  pip: ${name} ${version} is provided by the base system`,
    )
    const replaced = step.files
      .filter((file) => file.replaces !== undefined)
      .map((file) => `  pip: ${file.name} ${file.version} replaces ${file.replaces} of the base system`)
    return [...respected, ...replaced]
  })
}
