import { readFileSync } from 'node:fs'
import type { Terminal } from './attached-exec.ts'

/** This process's own streams; with `json`, standard output is kept for the result, and everything else goes to stderr. */
export function localTerminal(json: boolean): Terminal {
  const { stdin, stdout, stderr } = process
  const output = json ? stderr : stdout
  const input = stdin.isTTY && !inForeground() ? undefined : stdin
  return { input, output, errors: stderr, tty: Boolean(input?.isTTY && output.isTTY) }
}

/** Whether this process's group is its terminal's foreground one: proc_pid_stat(5), fields 5 and 8. Linux only. */
function inForeground(): boolean {
  let stat: string
  try {
    stat = readFileSync('/proc/self/stat', 'utf8')
  } catch {
    return true
  }
  const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ')
  return fields[2] === fields[5]
}
