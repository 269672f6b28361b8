import { Args } from '@oclif/core'
import { BaseCommand } from './base-command.ts'
import { COMPLETION_SCRIPTS, type Shell } from './completion-scripts.ts'

interface CompletionScript {
  shell: string
  script: string
}

export default class Completion extends BaseCommand {
  static override summary = 'Print a script that completes command lines with the tab key'
  static override description =
    'Commands, options, recipes, tasks, and packages of a lock. For bash: source <(stillroom completion bash); for zsh: ' +
    'source <(stillroom completion zsh); for fish: stillroom completion fish | source.'
  static override examples = ['source <(<%= config.bin %> completion bash)']
  static override args = {
    shell: Args.string({
      description: 'bash, zsh or fish',
      required: true,
      options: ['bash', 'zsh', 'fish'],
    }),
  }

  async run(): Promise<CompletionScript> {
    const { args } = await this.parse(Completion)
    const script = COMPLETION_SCRIPTS[args.shell as Shell]
    this.log(script.trimEnd())
    return { shell: args.shell, script }
  }
}
