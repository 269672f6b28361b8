import { execa } from 'execa'

/** Runs git in a directory; the answer is undefined when git says no. */
export async function git(directory: string, args: readonly string[]): Promise<string | undefined> {
  const result = await execa('git', ['-C', directory, ...args], {
    reject: false,
    stdin: 'ignore',
    env: { GIT_OPTIONAL_LOCKS: '0', LC_ALL: 'C' },
    stripFinalNewline: true,
  })
  return result.exitCode === 0 ? result.stdout : undefined
}
