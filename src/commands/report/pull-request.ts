import { Flags } from '@oclif/core'
import type { PullRequestReport } from '../../workflows/github/report-pull-request.ts'
import { BaseCommand } from '../base-command.ts'
import { FAIL_ON, reaches } from '../fail-on.ts'

export default class ReportPullRequest extends BaseCommand {
  static override summary = 'Tell a pull request on GitHub what it does to the locks'
  static override description =
    'For a job of GitHub Actions: checks that locks and build contexts are up to date, keeps one comment with what the ' +
    "locks change, and writes the job's summary. Exit code 1 when something is stale, or changed at --fail-on or above."
  static override examples = ['<%= config.bin %> report pull-request --fail-on downgrade']
  static override flags = {
    comment: Flags.boolean({ description: 'keep a comment', default: true, allowNo: true }),
    'fail-on': FAIL_ON,
  }

  async run(): Promise<PullRequestReport> {
    const { flags, session } = await this.open(ReportPullRequest)
    const { reportPullRequest } = await import('../../workflows/github/report-pull-request.ts')
    const report = await reportPullRequest(session, { comment: flags.comment })
    const { diff, stale, comment } = report
    for (const { recipe, mend } of stale) this.log(`${recipe} is not up to date: ${mend}`)
    this.log(`lock changes: ${diff.level ?? 'none'}; comment: ${comment}`)
    if (stale.length > 0 || reaches(diff, flags['fail-on'])) process.exitCode = 1
    return report
  }
}
