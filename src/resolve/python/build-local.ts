import { StillroomError } from '../../error.ts'
import { parseFileName } from '../../formats/python/distribution-name.ts'
import type { PipStep } from '../../recipe/schema.ts'
import type { Sandbox } from '../sandbox.ts'

/** A directory of the image as a wheel in the sandbox: what it is called, and what it requires, pip reads from that. */
export interface LocalWheel {
  path: string
  editable: boolean
  /** Normalised as in PEP 503. */
  name: string
  /** For pip: the wheel's path, with extras. */
  requirement: string
}

/**
 * Builds wheels of the directories that a pip step installs. Editable ones too: they require the same, and every pip
 * can build a wheel.
 *
 * @param run the image's pip
 * @throws {StillroomError} PIP_FAILED when a directory is missing or is not a Python project
 */
export async function buildLocal(
  local: NonNullable<PipStep['local']>,
  work: string,
  sandbox: Sandbox,
  run: (args: readonly string[], doing: string) => Promise<string>,
): Promise<LocalWheel[]> {
  const wheels: LocalWheel[] = []
  for (const [index, { path, editable, extras }] of local.entries()) {
    const copy = `${work}/local/${index}`
    const directory = `${copy}.wheel`
    const script = 'set -eu; test -d "$1"; mkdir -p "$3"; cp -a -- "$1" "$2"'
    const { exitCode } = await sandbox.run(['sh', '-c', script, 'sh', path, copy, directory])
    if (exitCode !== 0) {
      throw new StillroomError('PIP_FAILED', `the image has no directory "${path}" to install`, {
        hint: 'place it in a step before: git(...), project(...) or file(...)',
      })
    }
    const how = ['wheel', '--no-deps', '--no-build-isolation', `--wheel-dir=${directory}`, '--', copy]
    await run(how, `building ${path}`)
    const { stdout } = await sandbox.run(['ls', directory])
    const file = stdout.trim()
    const name = parseFileName(file)?.name
    if (name === undefined)
      throw new StillroomError(
        'PIP_FAILED',
        `pip built ${JSON.stringify(file)} of "${path}", expected a wheel`,
      )
    const suffix = extras.length > 0 ? `[${extras.join(',')}]` : ''
    wheels.push({ path, editable, name, requirement: `${directory}/${file}${suffix}` })
  }
  return wheels
}
