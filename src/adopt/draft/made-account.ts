import { type RunCommand, readArguments, valuesOf } from '../run-commands.ts'

/** An account that `useradd` or `adduser` makes. */
export function accountOf(
  command: RunCommand,
): { name: string; uid: number; home: string; shell: string; more: string[] } | undefined {
  const { program, args } = command
  if (program !== 'useradd' && program !== 'adduser') return undefined
  const valued = new Set([
    '-u',
    '-d',
    '-s',
    '-g',
    '-G',
    '-c',
    '-k',
    '--uid',
    '--home',
    '--home-dir',
    '--shell',
    '--gid',
    '--groups',
    '--gecos',
    '--comment',
    '--ingroup',
    '--disabled-login-shell',
  ])
  const { options, positional } = readArguments(args, valued)
  const [name, ...rest] = valuesOf(positional) ?? []
  if (name === undefined || rest.length > 0) return undefined
  const known =
    /^(-[udsgGcmMrlUNo]|--(uid|home|home-dir|shell|gid|groups|gecos|comment|create-home|no-create-home|system|disabled-password|disabled-login|user-group|group|ingroup|no-user-group|no-log-init|quiet|force-badname))$/
  if (![...options.keys()].every((option) => known.test(option))) return undefined
  const value = (...names: string[]) => valuesOf(names.flatMap((option) => options.get(option) ?? []))?.[0]
  const isSystem = options.has('-r') || options.has('--system')
  const uid = value('-u', '--uid')
  if (uid !== undefined && !/^\d+$/.test(uid)) return undefined
  const groups = value('-G', '--groups')
  return {
    name,
    uid: Number(uid ?? (isSystem ? 999 : 1000)),
    home: value('-d', '--home', '--home-dir') ?? `/home/${name}`,
    shell: value('-s', '--shell') ?? (program === 'useradd' ? '/bin/sh' : '/bin/bash'),
    more: groups === undefined ? [] : [`usermod -aG ${groups} ${name}`],
  }
}
