import { Args, Flags } from '@oclif/core'
import type { RunResult } from '../../workflows/run/run-task.ts'
import { BaseCommand } from '../base-command.ts'
import { RECIPE } from '../shared-flags.ts'

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
  ]
  static override strict = false
  static override usage = 'run recipe NAME TASK [-- ARGS]'
  static override args = {
    name: RECIPE,
    task: Args.string({ description: 'a task of the recipe; what follows "--" are arguments for it' }),
  }
  static override flags = {
    shared: Flags.string({
      description:
        'the directory that the container has as its shared folder [default: shared, in the project]',
      helpValue: 'DIR',
      exclusive: ['no-shared'],
    }),
    'no-shared': Flags.boolean({ description: 'tie no directory to the shared folder' }),
    network: Flags.string({
      description:
        'what the container can reach: none (localhost only, so that a task depends on nothing but its image and ' +
        'the shared folder), bridge, host, or a network of the engine [default: none]',
      helpValue: 'none|bridge|host|NAME',
    }),
  }

  async run(): Promise<RunResult> {
    const { args, argv, flags, session } = await this.open(RunRecipe)
    const [{ runTask }, { localTerminal }] = await Promise.all([
      import('../../workflows/run/run-task.ts'),
      import('../../engine/local-terminal.ts'),
    ])
    const result = await runTask(session, args.name, args.task, (argv as string[]).slice(2), {
      terminal: localTerminal(this.jsonEnabled()),
      network: flags.network,
      shared: flags['no-shared'] ? false : flags.shared,
    })
    process.exitCode = result.exitCode
    return result
  }
}
