import { taskTable } from '../report/task-table.ts'
import type { TaskList } from '../workflows/run/background-tasks.ts'
import { BaseCommand } from './base-command.ts'

export default class Ps extends BaseCommand {
  static override summary = 'List the tasks in the background, and the containers that tasks run in'
  static override description = 'Of every project on this machine. No engine is started for it.'
  static override examples = ['<%= config.bin %> ps']

  async run(): Promise<TaskList> {
    const { session } = await this.open(Ps)
    const { listTasks } = await import('../workflows/run/background-tasks.ts')
    const list = await listTasks(session)
    this.log(taskTable(list).trimEnd())
    return list
  }
}
