import { StillroomError } from '../../error.ts'
import type { Sandbox } from '../sandbox.ts'
import { pipError } from './pip-error.ts'

/** Where everything is put that resolving needs in the sandbox. */
export const WORK = '/stillroom'
const CONFIG = `${WORK}/pip.conf`

/** pip says its version, too, and takes ten times as long to start. */
const VERSIONS = 'import pip, sys; print(pip.__version__, "%d.%d" % sys.version_info[:2])'

/** Where pip finds what there is. */
export interface PipSources {
  /** By pip's own names (`index-url`, ...); may have logins. */
  settings: Record<string, string>
  /** Proxies, as environment variables. */
  environment: Record<string, string>
}

export interface PipSetup extends PipSources {
  /** A container, with the network, of the image as it is before the step. */
  sandbox: Sandbox
  /** Certificates (PEM) that the machine's pip trusts. */
  certificates?: Uint8Array | undefined
}

/** The image's pip with the machine's set-up. */
export class Pip {
  readonly version: string
  /** Of its Python, such as `3.11`; undefined when it does not say. */
  readonly python: string | undefined
  readonly sandbox: Sandbox
  readonly #options: PipSetup
  readonly #environment: Record<string, string>
  #runs = 0

  private constructor(
    { version, python }: Pick<Pip, 'version' | 'python'>,
    options: PipSetup,
    trust: Record<string, string>,
  ) {
    this.version = version
    this.python = python
    this.sandbox = options.sandbox
    this.#options = options
    this.#environment = {
      ...trust,
      PIP_DISABLE_PIP_VERSION_CHECK: '1',
      PIP_NO_INPUT: '1',
      PIP_BREAK_SYSTEM_PACKAGES: '1',
      PIP_ROOT_USER_ACTION: 'ignore',
      HOME: '/root',
    }
  }

  static async find(options: PipSetup): Promise<Pip> {
    const { sandbox, certificates } = options
    const { exitCode, stdout, stderr } = await sandbox.run(['python3', '-c', VERSIONS])
    const [, version, python] = /^(\S+) (\d+\.\d+)$/.exec(stdout.trim()) ?? []
    if (exitCode !== 0 || version === undefined) {
      const reason = stderr.trim().split('\n').at(-1)
      throw new StillroomError('PIP_FAILED', `the image has no pip: ${reason}`, {
        hint: "install it in a step before: apt(['python3-pip'])",
      })
    }
    const trust: Record<string, string> = {}
    if (certificates) {
      await sandbox.write([{ path: `${WORK}/certificates.pem`, content: certificates }])
      trust.PIP_CERT = `${WORK}/certificates.pem`
    }
    return new Pip({ version, python }, options, trust)
  }

  /**
   * Runs pip on the machine's indexes. Logins are in a file that is there for as long as pip runs, and in no environment,
   * which programs that pip starts would have, too.
   *
   * @param sources others than the machine's
   */
  async run(
    args: readonly string[],
    doing: string,
    environment: Record<string, string> = {},
    { settings, environment: proxies }: PipSources = this.#options,
  ): Promise<string> {
    const { sandbox } = this.#options
    const lines = Object.entries(settings).map(([name, value]) => `${name} = ${value}\n`)
    await sandbox.write([{ path: CONFIG, content: ['[global]\n', ...lines].join('') }])
    try {
      return await this.#run(args, doing, { ...environment, ...proxies, PIP_CONFIG_FILE: CONFIG })
    } finally {
      await sandbox.remove(CONFIG)
    }
  }

  /** The machine's settings, with one index instead of its own. */
  sourcesFor(index: string): PipSources {
    const { 'extra-index-url': _, 'find-links': __, ...settings } = this.#options.settings
    return { environment: this.#options.environment, settings: { ...settings, 'index-url': index } }
  }

  /** Runs pip on what is at hand: with no index, login or proxy. */
  async runOffline(
    args: readonly string[],
    doing: string,
    environment: Record<string, string> = {},
  ): Promise<string> {
    return this.#run(args, doing, environment)
  }

  async #run(args: readonly string[], doing: string, environment: Record<string, string>): Promise<string> {
    const { sandbox } = this.#options
    this.#runs += 1
    const log = `${WORK}/pip-${this.#runs}.log`
    const { exitCode, stdout, stderr } = await sandbox.run(['python3', '-m', 'pip', ...args], {
      ...this.#environment,
      ...environment,
      PIP_LOG: log,
    })
    if (exitCode === 0) return stdout
    const logged = await sandbox.run(['tail', '-n', '5000', log])
    throw pipError(`${stdout}\n${stderr}`, doing, logged.stdout)
  }
}
