import type { Machine } from './machine.ts'

type Environment = Readonly<Record<string, string | undefined>>

const asked = new WeakMap<Machine, Promise<PipConfig>>()

/** What this machine's pip is configured with; nothing when there is no pip. A machine is asked once: pip is slow. */
export function readPipConfig(machine: Machine): Promise<PipConfig> {
  const known = asked.get(machine)
  if (known) return known
  const answer = askPip(machine)
  asked.set(machine, answer)
  return answer
}

async function askPip(machine: Machine): Promise<PipConfig> {
  const text =
    (await machine.run('python3', ['-m', 'pip', 'config', 'list'])) ??
    (await machine.run('pip3', ['config', 'list']))
  return parsePipConfig(text ?? '')
}

/** A setting by pip's precedence: environment, the command's section, the global one. Lists are separated by white space. */
export function pipSetting(name: string, env: Environment, settings: PipConfig): string[] {
  const variable = env[`PIP_${name.toUpperCase().replaceAll('-', '_')}`]
  const candidates = [
    variable,
    ...[':env:', 'install', 'download', 'global'].map((section) => settings.get(`${section}.${name}`)),
  ]
  const text = candidates.find((value) => value !== undefined && value.trim() !== '') ?? ''
  return text.split(/\s+/).filter((word) => word !== '')
}

/** Settings of pip by section and name, as `global.index-url`; `:env:` is the section of the environment. */
type PipConfig = ReadonlyMap<string, string>

/**
 * Reads what `pip config list` prints: one setting a line, its value as Python's `repr` writes it. Other lines
 * (warnings) are skipped.
 *
 * @example
 * ```ts
 * parsePipConfig("global.index-url='https://pypi.example.org/simple'\n").get('global.index-url')
 * ```
 */
function parsePipConfig(text: string): PipConfig {
  const settings = new Map<string, string>()
  for (const line of text.split('\n')) {
    const match = /^(:env:|[a-z-]+)\.([a-z0-9-]+)=(['"])(.*)\3\r?$/.exec(line)
    if (match === null) continue
    const [, section = '', name = '', , value = ''] = match
    settings.set(`${section}.${name}`, unescapeRepr(value))
  }
  return settings
}

const ESCAPES: Record<string, string> = { n: '\n', t: '\t', r: '\r' }

function unescapeRepr(text: string): string {
  return text.replace(/\\(x([0-9a-f]{2})|.)/g, (_, plain: string, hex: string | undefined) =>
    hex === undefined ? (ESCAPES[plain] ?? plain) : String.fromCharCode(Number.parseInt(hex, 16)),
  )
}
