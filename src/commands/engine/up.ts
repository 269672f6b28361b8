import { Flags } from '@oclif/core'
import { privateEngine } from '../../engine/private/private-engine.ts'
import { BaseCommand } from '../base-command.ts'
import { ENGINE_NAME } from '../shared-flags.ts'

export interface EngineStarted {
  name: string
  state: 'running'
  version: string
  /** Docker's image store. */
  store: string
  socket: string
}

export default class EngineUp extends BaseCommand {
  static override summary = 'Start a private Docker Engine'
  static override description =
    'For a Linux machine with root and apt. The first time it makes a small Debian with Docker in the cache directory, ' +
    'which takes about a minute and 1.1 GB. The engine has its own socket, bridge and firewall rules, and touches ' +
    'nothing of another engine. Commands that need an engine start one by themselves when there is no other.'
  static override examples = [
    '<%= config.bin %> engine up',
    '<%= config.bin %> engine up --name mine --store containerd',
  ]
  static override flags = {
    ...ENGINE_NAME,
    store: Flags.string({
      description: "Docker's image store [default: the one it had last, at first overlay2]",
      options: ['overlay2', 'containerd'],
    }),
    vary: Flags.string({
      description:
        'make what containers and build steps see another machine, for tests of reproducible builds: words with ' +
        'spaces between them, clock=SECONDS (later, for programs of the C library), suite=NAME (the Debian suite ' +
        'of that library), hostname=NAME, cpus=LIST, umask=NUMBER (decimal), timezone=NAME, locale=NAME',
    }),
  }

  async run(): Promise<EngineStarted> {
    const { flags, session } = await this.open(EngineUp)
    const { cache, signal, progress } = session
    const { startEngine } = await import('../../engine/private/start-engine.ts')
    const engine = privateEngine(cache, flags.name)
    const { version, store } = await startEngine(engine, {
      store: flags.store,
      vary: flags.vary,
      signal,
      note: (text) => progress({ kind: 'note', text }),
    })
    return { name: flags.name, state: 'running', version, store, socket: engine.socket }
  }
}
