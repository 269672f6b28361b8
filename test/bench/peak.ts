import { execa, type Options } from 'execa'
import type { WithPeak } from './contest.ts'

/** Runs a program and says on the last line how large the largest of its processes became, in KiB (getrusage(2)). */
const SCRIPT = `import resource, subprocess, sys
code = subprocess.call(sys.argv[2:])
if str(code) not in sys.argv[1].split(','):
    sys.exit(f'{sys.argv[2]} ended with {code}')
print(resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss, file=sys.stderr)
`

/** Runs a program to its end, and tells its peak of memory, threads and children included. */
export async function runWithPeak(
  command: readonly string[],
  { exitCodes = [0], ...options }: Options & { exitCodes?: number[] } = {},
): Promise<WithPeak & { stdout: string }> {
  const { stdout, stderr } = await execa('python3', ['-c', SCRIPT, exitCodes.join(','), ...command], {
    stdin: 'ignore',
    maxBuffer: 2 ** 28,
    ...options,
  })
  return { peakMiB: Number(String(stderr).trim().split('\n').at(-1)) / 1024, stdout: String(stdout) }
}
