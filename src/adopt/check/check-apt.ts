import { type Argument, type RunCommand, readArguments } from '../run-commands.ts'
import type { Add, RunContext } from './run-context.ts'

const VALUED = new Set([
  '-o',
  '-t',
  '-c',
  '-a',
  '--option',
  '--target-release',
  '--default-release',
  '--config-file',
  '--host-architecture',
])
const isApt = ({ program }: RunCommand) => ['apt-get', 'apt', 'aptitude'].includes(program)

/** The verb of a command of apt, and the words behind it; undefined for any other program. */
export function aptCall(command: RunCommand) {
  if (!isApt(command)) return undefined
  const { options, positional } = readArguments(command.args, VALUED)
  const [verb, ...words] = positional
  return { verb: verb?.value ?? '', words, options }
}

/** Packages of Debian and Ubuntu, what an upgrade brings, and what apt leaves behind. */
export function checkApt({ commands, isInImage, mounts, isDated, removes }: RunContext, add: Add): void {
  let logs: RunCommand | undefined
  let lists: RunCommand | undefined
  for (const command of commands) {
    const call = aptCall(command)
    if (call === undefined) continue
    const { verb, words } = call
    if (verb === 'update') lists ??= command
    if (/^(install|reinstall|build-dep|satisfy|(dist-|full-|safe-)?upgrade)$/.test(verb)) logs ??= command
    if (isDated) continue
    if (/^((dist|full|safe)-)?upgrade$/.test(verb)) {
      add(
        'apt-upgrade',
        command.at,
        `"${command.program} ${verb}" brings what is newest on the day of the build`,
        'delete it, and take a newer base by its digest',
      )
    }
    if (!['install', 'reinstall', 'build-dep', 'satisfy'].includes(verb)) continue
    const open = words.filter((word) => !isPinned(word))
    const [first] = open
    if (first === undefined) continue
    const names = open.map(({ value, text }) => value ?? text)
    add(
      'apt-unpinned',
      first.at,
      `${countOf(names.length, 'package')} without a version: ${names.join(' ')}`,
      names
        .map((name) => (/^[a-z0-9][a-z0-9+.-]*$/.test(name) ? `${name}=<version of ${name}>` : name))
        .join(' '),
    )
  }
  if (!isInImage) return
  if (lists && !removes('/var/lib/apt/lists') && !mounts.some((target) => target.startsWith('/var/lib/apt')))
    add(
      'cache-kept',
      lists.at,
      "apt's lists stay in the layer: they are of the day of the build",
      'rm -rf /var/lib/apt/lists/*',
    )
  if (logs && !removes('/var/log/apt') && !mounts.some((target) => target.startsWith('/var/log')))
    add(
      'log-kept',
      logs.at,
      "apt's and dpkg's logs stay in the layer, with the time of the build",
      'rm -rf /var/log/apt /var/log/dpkg.log /var/log/alternatives.log',
    )
}

/** A file, or exactly one version; one that a variable names counts. */
function isPinned({ value, text }: Argument): boolean {
  const word = value ?? text
  if (/^[./~]/.test(word) || word.endsWith('.deb')) return true
  if (/-$/.test(word)) return true
  const [, version] = /=(.+)$/s.exec(word) ?? []
  return version !== undefined && !/[*?]/.test(version)
}

const countOf = (count: number, what: string) => (count === 1 ? `a ${what}` : `${count} ${what}s`)
