import { mkdir } from 'node:fs/promises'
import { execa } from 'execa'

/** Of a machine whose git is set up with nothing. */
export const PLAIN_ENV = {
  PATH: process.env.PATH,
  GIT_CONFIG_GLOBAL: '/dev/null',
  GIT_CONFIG_NOSYSTEM: '1',
  LC_ALL: 'C',
}

export interface PlannedFile {
  mode: '100644' | '100755' | '120000' | '160000'
  /** Bytes as latin1. */
  path: string
  /** Bytes as latin1; of 160000 the commit. */
  content: string
}

/** Runs git as a user would. */
export async function git(directory: string, args: readonly string[], input: string | Uint8Array = '') {
  const identity = ['-c', 'user.name=t', '-c', 'user.email=t@example.org']
  const { stdout } = await execa('git', [...identity, '-C', directory, ...args], {
    env: PLAIN_ENV,
    extendEnv: false,
    input,
  })
  return stdout
}

/** Makes a repository with a commit for each list of files, one after the other, on its branch `main`. */
export async function makeRepository(
  directory: string,
  commits: readonly (readonly PlannedFile[])[],
  init: readonly string[] = ['--bare'],
): Promise<void> {
  await mkdir(directory, { recursive: true })
  await git(directory, ['init', '--quiet', '-b', 'main', '--template=', ...init, '.'])
  const lines = commits.flatMap((files) => [
    'commit refs/heads/main\ncommitter t <t@example.org> 1700000000 +0000\ndata 4\ntest\ndeleteall\n',
    ...files.map(({ mode, path, content }) =>
      mode === '160000'
        ? `M ${mode} ${content} ${quoted(path)}\n`
        : `M ${mode} inline ${quoted(path)}\ndata ${content.length}\n${content}\n`,
    ),
  ])
  await git(directory, ['fast-import', '--quiet'], Buffer.from(lines.join(''), 'latin1'))
  if (!init.includes('--bare')) await git(directory, ['reset', '--quiet', '--hard'])
}

function quoted(path: string): string {
  const bytes = [...Buffer.from(path, 'latin1')]
  return `"${bytes.map((byte) => `\\${byte.toString(8).padStart(3, '0')}`).join('')}"`
}
