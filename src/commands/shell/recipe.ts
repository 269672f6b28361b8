import type { RunResult } from '../../workflows/run/run-task.ts'
import { BaseCommand } from '../base-command.ts'
import { CONTAINER_FLAGS, containerOptions } from '../container-flags.ts'
import { RECIPE } from '../shared-flags.ts'

export default class ShellRecipe extends BaseCommand {
  static override summary = 'Open a shell in a container of a recipe'
  static override description =
    "The shell of the recipe's user, in the container that the recipe's tasks run in: what they serve on localhost is " +
    'there. It reads commands from standard input when that is no terminal. The exit code is its own.'
  static override examples = [
    '<%= config.bin %> shell recipe hello',
    'echo "python3 --version" | <%= config.bin %> shell recipe hello',
  ]
  static override args = { name: RECIPE }
  static override flags = CONTAINER_FLAGS

  async run(): Promise<RunResult> {
    const { args, flags, session } = await this.open(ShellRecipe)
    const [{ openShell }, { localTerminal }] = await Promise.all([
      import('../../workflows/run/run-task.ts'),
      import('../../engine/local-terminal.ts'),
    ])
    const result = await openShell(session, args.name, {
      terminal: localTerminal(this.jsonEnabled()),
      ...(await containerOptions(flags)),
    })
    process.exitCode = result.exitCode
    return result
  }
}
