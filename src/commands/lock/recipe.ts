import { Flags } from '@oclif/core'
import { StillroomError } from '../../error.ts'
import type { LockCheck } from '../../workflows/lock/find-stale.ts'
import type { LockResult } from '../../workflows/lock/lock-recipe.ts'
import { BaseCommand } from '../base-command.ts'
import { RECIPE } from '../shared-flags.ts'

/** What `--json` prints: of locking, or of `--check`. */
export type LockReport =
  | (Pick<LockResult, 'recipe' | 'outcome' | 'changes'> & {
      /** What is left out of the image, and what is known not to rebuild. */
      notes: string[]
    })
  | LockCheck

export default class LockRecipe extends BaseCommand {
  static override readonly usesCache = true
  static override summary = 'Resolve a recipe to exact pins'
  static override description =
    'Writes recipes/NAME/lock.json and generated/NAME. What the recipe asks for as before keeps its pins. ' +
    '--upgrade takes the newest of everything; with packages named, these move, and what must move with them.'
  static override examples = [
    '<%= config.bin %> lock recipe hello',
    '<%= config.bin %> lock recipe hello --check',
    '<%= config.bin %> lock recipe fenics-tf --upgrade pip:matplotlib',
  ]
  static override strict = false
  static override usage = 'lock recipe NAME [--check | --upgrade [PACKAGE...]] [--older-indexes]'
  static override args = { name: RECIPE }
  static override flags = {
    upgrade: Flags.boolean({
      description: 'take the newest of everything, or of the packages named: NAME, apt:NAME, pip:NAME',
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

  async run(): Promise<LockReport> {
    const { args, argv, flags, session } = await this.open(LockRecipe)
    const packages = (argv as string[]).slice(1)
    if (packages.length > 0 && !flags.upgrade) {
      throw new StillroomError('USAGE', `${packages.join(', ')}: packages are named to be upgraded only`, {
        hint: `stillroom lock recipe ${args.name} --upgrade ${packages.join(' ')}`,
      })
    }
    if (flags.check) {
      const { checkLock } = await import('../../workflows/lock/find-stale.ts')
      const result = await checkLock(session, args.name)
      this.log(`recipes/${args.name}/lock.json is ${result.stale ? 'stale:' : 'up to date'}`)
      const { staleLines } = await import('../../report/split-field.ts')
      for (const line of staleLines(result.changes)) this.log(`  ${line}`)
      if (result.stale) process.exitCode = 1
      return result
    }
    const { lockRecipe } = await import('../../workflows/lock/lock-recipe.ts')
    const { recipe, outcome, changes, lock } = await lockRecipe(session, args.name, {
      upgrade: flags.upgrade ? (packages.length > 0 ? packages : 'all') : undefined,
      olderIndexes: flags['older-indexes'],
    })
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
