import { Args, Flags } from '@oclif/core'
import type { TaskRecord } from '../../workflows/run/task-record.ts'
import { BaseCommand } from '../base-command.ts'
import { RECIPE } from '../shared-flags.ts'

export default class LogsRecipe extends BaseCommand {
  static override summary = 'Print what a task in the background has written'
  static override description =
    'Standard output and error of a task that was started with --detach, also after its end. With --json only where it is, ' +
    'and how the task fares.'
  static override examples = [
    '<%= config.bin %> logs recipe fenics-tf servers --follow',
    '<%= config.bin %> logs hello',
  ]
  static override args = {
    name: RECIPE,
    task: Args.string({ description: 'a task of the recipe; may be left out when there is only one' }),
  }
  static override flags = {
    name: Flags.string({ description: 'of a container of its own', helpValue: 'NAME' }),
    follow: Flags.boolean({ char: 'f', description: 'go on until the task ends', default: false }),
  }

  async run(): Promise<TaskRecord> {
    const { args, flags, session } = await this.open(LogsRecipe)
    const { readLog } = await import('../../workflows/run/background-tasks.ts')
    const which = { recipe: args.name, task: args.task, instance: flags.name }
    const isQuiet = this.jsonEnabled()
    const write = async (bytes: Uint8Array) => {
      if (!isQuiet) await new Promise<void>((resolve) => process.stdout.write(bytes, () => resolve()))
    }
    return readLog(session, which, { follow: flags.follow, write })
  }
}
