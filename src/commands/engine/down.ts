import { Flags } from '@oclif/core'
import { privateEngine } from '../../engine/private/private-engine.ts'
import { BaseCommand } from '../base-command.ts'
import { ENGINE_NAME } from '../shared-flags.ts'

export interface EngineStopped {
  name: string
  /** `absent`: there is none of that name, or it was removed. */
  state: 'stopped' | 'absent'
}

export default class EngineDown extends BaseCommand {
  static override summary = 'Stop a private Docker Engine'
  static override examples = ['<%= config.bin %> engine down', '<%= config.bin %> engine down --purge']
  static override flags = {
    ...ENGINE_NAME,
    purge: Flags.boolean({ description: 'also remove its images, containers and settings' }),
  }

  async run(): Promise<EngineStopped> {
    const { flags, session } = await this.open(EngineDown)
    const { cache, signal, progress } = session
    const { stopEngine } = await import('../../engine/private/stop-engine.ts')
    const note = (text: string) => progress({ kind: 'note', text })
    const existed = await stopEngine(privateEngine(cache, flags.name), { purge: flags.purge, signal, note })
    return { name: flags.name, state: existed && !flags.purge ? 'stopped' : 'absent' }
  }
}
