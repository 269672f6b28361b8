import { rm } from 'node:fs/promises'
import { join } from 'node:path'
import { type GitRunner, gitRunner, runGit } from '../../resolve/git/run-git.ts'
import { makeDirectory, writing } from '../../store/disk.ts'
import type { Cancellation, Environment } from '../ports.ts'

/** The same commit for the same files, whoever makes it. */
const IDENTITY = {
  GIT_AUTHOR_NAME: 'stillroom',
  GIT_AUTHOR_EMAIL: 'stillroom@localhost',
  GIT_AUTHOR_DATE: '2000-01-01T00:00:00Z',
  GIT_COMMITTER_NAME: 'stillroom',
  GIT_COMMITTER_EMAIL: 'stillroom@localhost',
  GIT_COMMITTER_DATE: '2000-01-01T00:00:00Z',
}

/**
 * A repository of a recipe's directory alone, for as long as the recipe is being made: projects are taken as they are committed,
 * and the user's own repository is the user's to commit to.
 */
export class ScratchRepository {
  readonly #git: GitRunner
  readonly #directory: string

  private constructor(git: GitRunner, directory: string) {
    this.#git = git
    this.#directory = directory
  }

  /** @throws {StillroomError} NOT_WRITABLE, DISK_FULL */
  static async make(
    { env, signal }: Environment & Cancellation,
    directory: string,
  ): Promise<ScratchRepository> {
    await writing(directory, () => makeDirectory(directory))
    const git = gitRunner({ env: { ...env, ...IDENTITY }, signal })
    const repository = new ScratchRepository(git, directory)
    await repository.#run('init', '--quiet', '--object-format=sha1')
    return repository
  }

  /** Makes what is there now the only commit. */
  async commit(): Promise<void> {
    await this.#run('add', '--all', '--force', '--', 'files')
    await this.#run('checkout', '--quiet', '--orphan', 'next')
    await this.#run(
      'commit',
      '--quiet',
      '--allow-empty',
      '--no-verify',
      '--no-gpg-sign',
      '--message',
      'Adopt an image',
    )
    await this.#run('branch', '--quiet', '--force', '--move', 'adopted')
  }

  async remove(): Promise<void> {
    await rm(join(this.#directory, '.git'), { recursive: true, force: true })
  }

  async #run(...args: string[]): Promise<void> {
    // as they are, whatever the user has set for line ends
    await runGit(this.#git, [
      '-C',
      this.#directory,
      '-c',
      'core.autocrlf=false',
      '-c',
      'core.attributesFile=/dev/null',
      ...args,
    ])
  }
}
