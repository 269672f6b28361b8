import { extname } from 'node:path'
import { fileURLToPath } from 'node:url'
import { z } from 'zod'
import { StillroomError } from '../../error.ts'
import type { Environment, Repository } from '../ports.ts'
import { findRepository, linksOutOf } from './find-repository.ts'
import type { ImportRecipe } from './import-recipe.ts'

const ForeignAnswer = z.discriminatedUnion('outcome', [
  z.strictObject({ outcome: z.literal('exported'), value: z.unknown() }),
  z.strictObject({
    outcome: z.literal('failed'),
    code: z.enum(['RECIPE_SYNTAX', 'RECIPE_INVALID']),
    message: z.string().max(100_000),
    hint: z.string().max(1000).optional(),
  }),
])
export type ForeignAnswer = z.infer<typeof ForeignAnswer>

/** All that a foreign recipe gets of the environment. */
const ENVIRONMENT = ['LANG', 'LC_ALL', 'TZ']
/** Of the process that loads one recipe. */
const LIMITS = { milliseconds: 30_000, bytes: 4 << 20 }

/** Where stillroom itself lies, which recipes import. */
const OWN = fileURLToPath(new URL('../../..', import.meta.url))
const CHILD = fileURLToPath(new URL(`recipe-child${extname(import.meta.url)}`, import.meta.url))

/**
 * A way to import recipes of somebody else: each in a process of its own, which has nothing of the environment but the
 * language and time zone, reads files of the repository and of stillroom alone, writes none, starts no program, and has
 * limits on its time and its answer. The answer is one line of JSON on a file descriptor that is used for nothing else;
 * what the recipe prints is dropped. A process that ends without an answer, with whatever exit code, is a failure.
 *
 * Node's permission model keeps honest code within bounds; docs/decisions/0020-recipes-of-others.md says what it is worth against other code.
 */
export function importForeignRecipes(
  ports: Repository,
  { milliseconds, bytes }: typeof LIMITS = LIMITS,
): ImportRecipe {
  let readable: Promise<string[]> | undefined
  return async (file, path) => {
    readable ??= findReadable(ports)
    const { execa } = await import('execa')
    const permissions = (await readable).map((directory) => `--allow-fs-read=${directory}`)
    const result = await execa(
      process.execPath,
      ['--no-warnings', '--permission', ...permissions, CHILD, file, path],
      {
        cwd: ports.directory,
        env: childEnvironment(ports.env),
        extendEnv: false,
        stdio: ['ignore', 'ignore', 'ignore', 'pipe'],
        maxBuffer: bytes,
        timeout: milliseconds,
        killSignal: 'SIGKILL',
        cancelSignal: ports.signal,
        reject: false,
      },
    )
    ports.signal.throwIfAborted()
    const reason = result.timedOut
      ? `it did not end within ${milliseconds / 1000} s`
      : result.isMaxBuffer
        ? `it exports more than ${bytes} bytes`
        : result.failed
          ? `the process that loaded it ended with ${result.signal ?? `exit code ${result.exitCode}`}`
          : undefined
    if (reason !== undefined) throw unanswered(path, reason)
    return readAnswer(String(result.stdio[3] ?? ''), path)
  }
}

function childEnvironment(env: Environment['env']): Record<string, string> {
  return Object.fromEntries(
    ENVIRONMENT.flatMap((name) => (env[name] === undefined ? [] : [[name, env[name]]])),
  )
}

/** @throws {StillroomError} RECIPE_INVALID when a link of the repository would lead out of what may be read */
async function findReadable(ports: Repository): Promise<string[]> {
  const repository = await findRepository(ports)
  const [link] = await linksOutOf(ports, repository, [repository, OWN])
  if (link === undefined) return [repository, OWN]
  throw new StillroomError(
    'RECIPE_INVALID',
    `cannot load recipes of a repository in which a symbolic link leads out of it: ${JSON.stringify(link)}`,
    { hint: 'remove the link, or let it point below the top of the repository' },
  )
}

function readAnswer(text: string, path: string): unknown {
  const answer = parseAnswer(text)
  if (answer === undefined) throw unanswered(path, 'its process ended without saying what it exports')
  if (answer.outcome === 'exported') return answer.value
  const { code, message, hint } = answer
  throw new StillroomError(code, message, { hint, details: { path } })
}

function parseAnswer(text: string): ForeignAnswer | undefined {
  try {
    return ForeignAnswer.safeParse(JSON.parse(text)).data
  } catch {
    return undefined
  }
}

function unanswered(path: string, reason: string): StillroomError {
  return new StillroomError('RECIPE_INVALID', `${path}: cannot be loaded: ${reason}`, {
    hint: 'a recipe exports plain data: it must not end its process, and must not print or wait for anything',
    details: { path },
  })
}
