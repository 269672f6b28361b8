import { resolve } from 'node:path'
import { Flags } from '@oclif/core'
import { type Diagnosis, doctorTable } from '../report/doctor-table.ts'
import { BaseCommand } from './base-command.ts'

export default class Doctor extends BaseCommand {
  static override summary = 'Say what this machine has and lacks for builds, and how to fix it'
  static override description =
    'Changes nothing and starts no engine. Exit code 0 when builds can work, 3 otherwise.'
  static override examples = ['<%= config.bin %> doctor', '<%= config.bin %> doctor --online --json']
  static override flags = {
    online: Flags.boolean({ description: 'also ask the mirror and the index whether they answer' }),
  }

  async run(): Promise<Diagnosis> {
    const { flags } = await this.parse(Doctor)
    const { diagnose } = await import('../workflows/doctor/diagnose.ts')
    const result = await diagnose({
      directory: resolve(flags.directory),
      env: process.env,
      online: flags.online,
    })
    this.log(doctorTable(result).trimEnd())
    if (!result.ok) process.exitCode = 3
    return result
  }
}
