import { resolve } from 'node:path'
import type { IssueChange } from '../../workflows/github/drift-issues.ts'
import { BaseCommand } from '../base-command.ts'
import { HISTORY } from '../shared-flags.ts'

export interface IssuesReport {
  issues: IssueChange[]
}

export default class ReportIssues extends BaseCommand {
  static override summary = 'Open, update and close one issue for each drifting recipe, on GitHub'
  static override description =
    'For a job of GitHub Actions: takes GITHUB_API_URL, GITHUB_REPOSITORY and GITHUB_TOKEN from its environment.'
  static override examples = ['<%= config.bin %> report issues --history history']
  static override flags = {
    history: HISTORY,
  }

  async run(): Promise<IssuesReport> {
    const { flags, session } = await this.open(ReportIssues)
    const { gitHubOf } = await import('../../workflows/github/github.ts')
    const { syncDriftIssues } = await import('../../workflows/github/drift-issues.ts')
    const gitHub = gitHubOf(session.env, session.signal)
    const issues = await syncDriftIssues(gitHub, resolve(flags.directory, flags.history))
    for (const { recipe, change, number } of issues)
      this.log(`${recipe}: ${change}${number === null ? '' : `, issue ${number}`}`)
    return { issues }
  }
}
