import { mkdir, readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { pathToFileURL } from 'node:url'
import { execa } from 'execa'

export interface CommandRecord {
  /** For stillroom, so that it and git write down what they start. */
  env: Record<string, string>
  /** Ends the watch; every command line of what stillroom started, of git's own, and of what else was seen running. */
  end(): Promise<string>
}

/**
 * Records command lines in three ways: those of the processes that stillroom starts, by Node itself; those of the
 * processes that git starts, by git itself; and on Linux those of all processes that run meanwhile, steps in containers
 * among them, as often as they can be looked at.
 */
export async function recordCommands(directory: string): Promise<CommandRecord> {
  const here = (name: string) => join(import.meta.dirname, name)
  const own = join(directory, 'commands.txt')
  const git = join(directory, 'git-commands.txt')
  await mkdir(directory, { recursive: true })
  if (process.platform !== 'linux') console.warn('processes that run meanwhile are not watched: no /proc')
  const watch = execa(process.execPath, [here('watch-processes.ts')], { reject: false })
  return {
    env: {
      NODE_OPTIONS: `--import=${pathToFileURL(here('record-child-processes.ts')).href}`,
      STILLROOM_TEST_COMMANDS: own,
      // https://git-scm.com/docs/api-trace2
      GIT_TRACE2_EVENT: git,
      GIT_TRACE2_REDACT: '0',
    },
    end: async () => {
      watch.kill('SIGTERM')
      const { stdout } = await watch
      const written = await Promise.all([own, git].map((file) => readFile(file, 'utf8').catch(() => '')))
      return [...written, stdout].join('\n')
    },
  }
}
