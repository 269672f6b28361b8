import { execFile } from 'node:child_process'

/** Runs git in a directory; the answer is undefined when git says no. */
export function git(directory: string, args: readonly string[]): Promise<string | undefined> {
  const options = {
    env: { ...process.env, GIT_OPTIONAL_LOCKS: '0', LC_ALL: 'C' },
    maxBuffer: 256 * 1024 * 1024,
  }
  return new Promise((resolve) => {
    const child = execFile('git', ['-C', directory, ...args], options, (error, stdout) => {
      resolve(error ? undefined : stdout.replace(/\n$/, ''))
    })
    child.stdin?.end()
  })
}
