import { type EngineState, engineState, privateEngine } from '../../engine/private/private-engine.ts'
import { defaultCacheDirectory } from '../../store/cache-directory.ts'
import { BaseCommand } from '../base-command.ts'
import { ENGINE_NAME } from '../shared-flags.ts'

export type EngineStatusReport = { name: string } & EngineState

export default class EngineStatus extends BaseCommand {
  static override summary = 'Say whether a private Docker Engine runs'
  static override description = 'Exit code 0 when it runs and answers, 3 otherwise.'
  static override examples = [
    '<%= config.bin %> engine status',
    '<%= config.bin %> engine status --name mine --json',
  ]
  static override flags = ENGINE_NAME

  async run(): Promise<EngineStatusReport> {
    const { flags } = await this.parse(EngineStatus)
    const status = await engineState(privateEngine(defaultCacheDirectory(process.env), flags.name))
    const { state, version, store, socket } = status
    const facts = state === 'running' ? `: Docker ${version}, store ${store}, socket ${socket}` : ''
    this.log(
      `engine "${flags.name}" is ${state === 'silent' ? 'started but does not answer' : state}${facts}`,
    )
    if (state !== 'running') process.exitCode = 3
    return { name: flags.name, ...status }
  }
}
