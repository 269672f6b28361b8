import { readdir, readFile } from 'node:fs/promises'
import { execa } from 'execa'

export interface Measured {
  seconds: number
  /** Of the process and all that it started: the sum of the most that each had resident. */
  peakMiB: number
  stdout: string
}

const EVERY_MS = 20

/** Runs a program and watches how large it and its children grow (proc(5), `VmHWM`). Exit codes from 0 to 1 are well. */
export async function measure(
  program: string,
  args: readonly string[],
  options: { cwd?: string; env?: Record<string, string> } = {},
): Promise<Measured> {
  const started = performance.now()
  const child = execa(program, args, { ...options, reject: false, stdin: 'ignore', maxBuffer: 2 ** 28 })
  const peaks = new Map<number, number>()
  const watch = setInterval(() => void watchTree(child.pid as number, peaks), EVERY_MS)
  const { stdout, stderr, exitCode } = await child
  const seconds = (performance.now() - started) / 1000
  clearInterval(watch)
  if (exitCode === undefined || exitCode > 1)
    throw new Error(`${program} ${args.join(' ')} ended with ${exitCode}:\n${stderr.slice(-2000)}`)
  const kibibytes = [...peaks.values()].reduce((sum, peak) => sum + peak, 0)
  return { seconds, peakMiB: kibibytes / 1024, stdout }
}

async function watchTree(pid: number, peaks: Map<number, number>): Promise<void> {
  const read = (path: string) => readFile(`/proc/${pid}/${path}`, 'utf8').catch(() => '')
  const [, peak] = /^VmHWM:\s*(\d+) kB$/m.exec(await read('status')) ?? []
  if (peak !== undefined) peaks.set(pid, Number(peak))
  for (const thread of await readdir(`/proc/${pid}/task`).catch(() => []))
    for (const child of (await read(`task/${thread}/children`)).split(' '))
      if (child !== '') await watchTree(Number(child), peaks)
}
