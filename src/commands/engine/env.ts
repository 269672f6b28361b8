import {
  type EngineSettings,
  privateEngine,
  runningSettings,
  settingsScript,
} from '../../engine/private/private-engine.ts'
import { StillroomError } from '../../error.ts'
import { defaultCacheDirectory } from '../../store/cache-directory.ts'
import { BaseCommand } from '../base-command.ts'
import { ENGINE_NAME } from '../shared-flags.ts'

export default class EngineEnv extends BaseCommand {
  static override summary = 'Print the settings that point docker at a private engine'
  static override description = 'Lines for a POSIX shell: eval "$(stillroom engine env)"'
  static override examples = [
    '<%= config.bin %> engine env',
    '<%= config.bin %> engine env --name mine --json',
  ]
  static override flags = ENGINE_NAME

  async run(): Promise<EngineSettings> {
    const { flags } = await this.parse(EngineEnv)
    const settings = await runningSettings(privateEngine(defaultCacheDirectory(process.env), flags.name))
    if (settings === undefined)
      throw new StillroomError('ENGINE_MISSING', `engine "${flags.name}" does not run`, {
        hint: `start it: stillroom engine up --name ${flags.name}`,
      })
    this.log(settingsScript(settings).trimEnd())
    return settings
  }
}
