import type { Machine } from './machine.ts'
import { type PipConfig, parsePipConfig } from './parse-pip-config.ts'

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

/** A setting by pip's precedence: environment, the command's section, the global one. Lists are parted by white space. */
export function pipSetting(name: string, env: Environment, settings: PipConfig): string[] {
  const variable = env[`PIP_${name.toUpperCase().replaceAll('-', '_')}`]
  const places = [
    variable,
    ...[':env:', 'install', 'download', 'global'].map((section) => settings.get(`${section}.${name}`)),
  ]
  const text = places.find((place) => place !== undefined && place.trim() !== '') ?? ''
  return text.split(/\s+/).filter((word) => word !== '')
}
