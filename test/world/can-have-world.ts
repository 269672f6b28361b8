import { execa } from 'execa'

/** What the world's servers and their clients are made of, with arguments that do nothing. */
const PROGRAMS: [program: string, ...args: string[]][] = [
  ['git', '--version'],
  ['openssl', 'version'],
  ['apt-get', '--version'],
  ['dpkg-deb', '--version'],
  ['python3', '-m', 'pip', '--version'],
]

/** Whether this machine can have the servers of startWorld(), else what it lacks. */
export async function canHaveWorld(): Promise<string | true> {
  for (const [program, ...args] of PROGRAMS) {
    const { failed } = await execa(program, args, { reject: false, stdin: 'ignore' })
    if (failed) return `there is no ${[program, ...args.slice(0, -1)].join(' ')}`
  }
  return true
}
