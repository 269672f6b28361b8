import { readdir, readFile } from 'node:fs/promises'

/** What is asked of the machine while looking for sources; in tests, an object. */
export interface Machine {
  /** A file's text; `undefined` when it can't be read. */
  readFile(path: string): Promise<string | undefined>
  /** Names in a directory, sorted; none when it can't be read. */
  readDirectory(path: string): Promise<string[]>
  /** A program's standard output; `undefined` when it is missing or fails. */
  run(program: string, args: readonly string[], input?: string): Promise<string | undefined>
}

/** The machine this runs on; programs get `env` as their environment. */
export function localMachine(env: Readonly<Record<string, string | undefined>>): Machine {
  return {
    readFile: (path) => readFile(path, 'utf8').catch(() => undefined),
    readDirectory: async (path) => (await readdir(path).catch(() => [])).sort(),
    run: async (program, args, input = '') => {
      const { execa } = await import('execa')
      const result = await execa(program, [...args], {
        env: env as Record<string, string>,
        extendEnv: false,
        reject: false,
        input,
        timeout: 30_000,
      })
      return result.failed ? undefined : result.stdout
    },
  }
}
