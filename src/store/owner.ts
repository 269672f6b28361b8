import { createHash, randomInt } from 'node:crypto'
import { readFileSync, readlinkSync } from 'node:fs'
import { hostname } from 'node:os'

/**
 * A process, as written into the name of a file that it alone may write: REALM-PID-START-RANDOM.
 * REALM is the machine and pid namespace in which PID means something; START tells a process from a later one
 * that was given the same pid.
 */
export type Owner = `${string}-${string}-${string}-${string}`
export const OWNER = /^[0-9a-f]{8}-[0-9]+-[0-9]+-[0-9]+$/

/** `elsewhere`: of another machine or container that shares the directory, so it cannot be asked. */
export type Liveness = 'alive' | 'gone' | 'elsewhere'

/** A new owner name of this process; no two are equal. */
export function newOwner(): Owner {
  return `${realm()}-${process.pid}-${startOf(process.pid) ?? '0'}-${randomInt(2 ** 47)}`
}

/** Tells whether the process behind an owner name still runs. */
export function livenessOf(owner: string): Liveness {
  const [ownerRealm, pid, start] = owner.split('-')
  if (ownerRealm !== realm()) return 'elsewhere'
  if (!isRunning(Number(pid))) return 'gone'
  const running = startOf(Number(pid))
  return running === undefined || running === start ? 'alive' : 'gone'
}

function realm(): string {
  const space = attempt(() => readlinkSync('/proc/self/ns/pid')) ?? process.platform
  return createHash('sha256').update(`${hostname()}\0${space}`).digest('hex').slice(0, 8)
}

/** Whether there is a process of this number, of whatever user. */
export function isRunning(pid: number): boolean {
  try {
    return process.kill(pid, 0)
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === 'EPERM'
  }
}

/** Clock ticks since boot at which a process began: proc_pid_stat(5), field 22. Linux only. */
function startOf(pid: number): string | undefined {
  const stat = attempt(() => readFileSync(`/proc/${pid}/stat`, 'utf8'))
  // The second field is the program's name in parentheses, which may itself hold spaces and parentheses.
  return stat?.slice(stat.lastIndexOf(')') + 2).split(' ')[19]
}

function attempt<T>(read: () => T): T | undefined {
  try {
    return read()
  } catch {
    return undefined
  }
}
