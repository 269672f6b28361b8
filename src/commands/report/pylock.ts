import { writeFile } from 'node:fs/promises'
import { resolve } from 'node:path'
import { Flags } from '@oclif/core'
import type { PylockReport } from '../../workflows/lock/list-pylock.ts'
import { BaseCommand } from '../base-command.ts'
import { RECIPE } from '../shared-flags.ts'

export default class ReportPylock extends BaseCommand {
  static override summary = "Write a recipe's Python packages as a pylock.toml"
  static override description =
    'For tools that install from a lock of PEP 751: every Python package of the lockfile with its version, sha256 and ' +
    "address on this machine's indexes. Nothing is downloaded but the indexes' pages."
  static override examples = ['<%= config.bin %> report pylock hello --output pylock.toml']
  static override args = { name: RECIPE }
  static override flags = {
    output: Flags.string({ description: 'write it to this file instead of printing it' }),
  }

  async run(): Promise<PylockReport> {
    const { args, flags, session } = await this.open(ReportPylock)
    const { listPylock } = await import('../../workflows/lock/list-pylock.ts')
    const report = await listPylock(session, args.name)
    if (flags.output === undefined) this.log(report.pylock.trimEnd())
    else await writeFile(resolve(flags.directory, flags.output), report.pylock)
    return report
  }
}
