import { Args, Flags } from '@oclif/core'
import type { DetachedResult } from '../../workflows/run/detach-task.ts'
import type { RunResult } from '../../workflows/run/run-task.ts'
import { BaseCommand } from '../base-command.ts'
import { CONTAINER_FLAGS, containerOptions } from '../container-flags.ts'
import { RECIPE } from '../shared-flags.ts'

/** With `--detach` a `DetachedResult`. */
export type TaskRunReport = RunResult | DetachedResult

export default class RunRecipe extends BaseCommand {
  static override summary = 'Run a task of a recipe in a container of its image'
  static override description =
    'Starts the container of the recipe, or joins it when a task runs in it already: tasks that run at the same time ' +
    'meet on localhost. It is removed when the last one has ended. What a task writes to the shared folder of the ' +
    "recipe is in the project's directory shared afterwards. Ctrl-C is the task's.\n\n" +
    "The exit code is the task's own. Without a terminal, its standard output and error are passed on as they are; " +
    'with --json both go to standard error.'
  static override examples = [
    '<%= config.bin %> run recipe fenics-tf servers -- -n 2 -p 43643',
    '<%= config.bin %> run recipe fenics-tf training -- -n 2 -p 43643 --episodes 4',
    '<%= config.bin %> run recipe notebook jupyter -p 9999:8888 --mount data:/data:ro',
  ]
  static override strict = false
  static override usage = 'run recipe NAME TASK [-- ARGS]'
  static override args = {
    name: RECIPE,
    task: Args.string({ description: 'a task of the recipe; what follows "--" are arguments for it' }),
  }
  static override flags = {
    ...CONTAINER_FLAGS,
    detach: Flags.boolean({
      char: 'd',
      description: 'run the task in the background: see logs, stop and ps',
      default: false,
    }),
  }

  async run(): Promise<TaskRunReport> {
    const { args, argv, flags, session } = await this.open(RunRecipe)
    const options = await containerOptions(flags)
    const rest = (argv as string[]).slice(2)
    if (flags.detach) {
      const { detachTask } = await import('../../workflows/run/detach-task.ts')
      const result = await detachTask(session, args.name, args.task, rest, options)
      const which = [result.recipe, result.task, ...(flags.name === undefined ? [] : ['--name', flags.name])]
      this.log(
        `${result.task} runs in the background; see stillroom logs recipe ${which.join(' ')}, end it by stillroom stop recipe ${which.join(' ')}`,
      )
      return result
    }
    const [{ runTask }, { localTerminal }] = await Promise.all([
      import('../../workflows/run/run-task.ts'),
      import('../../engine/local-terminal.ts'),
    ])
    const terminal = localTerminal(this.jsonEnabled())
    const result = await runTask(session, args.name, args.task, rest, { terminal, ...options })
    process.exitCode = result.exitCode
    return result
  }
}
