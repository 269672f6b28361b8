import { Args, Flags } from '@oclif/core'
import type { StopResult } from '../../workflows/run/background-tasks.ts'
import { BaseCommand } from '../base-command.ts'
import { RECIPE } from '../shared-flags.ts'

export default class StopRecipe extends BaseCommand {
  static override summary = 'End tasks in the background'
  static override description =
    'Tasks that were started with --detach get SIGTERM and, when they have not ended in time, SIGKILL.'
  static override examples = [
    '<%= config.bin %> stop recipe fenics-tf servers',
    '<%= config.bin %> stop hello',
  ]
  static override args = {
    name: RECIPE,
    task: Args.string({ description: 'a task of the recipe; all of them when left out' }),
  }
  static override flags = {
    name: Flags.string({ description: 'of a container of its own', helpValue: 'NAME' }),
    timeout: Flags.integer({
      description: 'how long a task may take to end, in seconds',
      default: 10,
      min: 0,
    }),
  }

  async run(): Promise<StopResult> {
    const { args, flags, session } = await this.open(StopRecipe)
    const { stopTasks } = await import('../../workflows/run/background-tasks.ts')
    const which = { recipe: args.name, task: args.task, instance: flags.name }
    const result = await stopTasks(session, which, flags.timeout)
    for (const { task, instance, exitCode } of result.stopped)
      this.log(
        `${task}${instance === null ? '' : ` --name ${instance}`} ended with exit code ${exitCode ?? 'unknown'}`,
      )
    if (result.stopped.length === 0) this.log('none of them runs')
    return result
  }
}
