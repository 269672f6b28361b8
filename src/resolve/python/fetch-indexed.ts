import { StillroomError } from '../../error.ts'
import { versionInFileName } from '../../formats/python/distribution-name.ts'
import { parseRequirement, withoutHashes } from '../../formats/python/requirement.ts'
import type { PythonFile } from '../../lock/schema.ts'
import type { PipStep } from '../../recipe/schema.ts'
import { readFiles, type Wanted } from './fetch-files.ts'
import { type Pip, WORK } from './pip-program.ts'

/** A requirement with an index of its own, as the file that was taken from there. */
export interface IndexedFile {
  /** As the step has it. */
  requirement: string
  name: string
  /** For pip: where the file lies in the sandbox, with extras. */
  path: string
  file: PythonFile
}

/**
 * Fetches each requirement that has an index of its own from there, and from nowhere else. pip gets these as files, so
 * that no other index can have a say in them.
 *
 * @throws {StillroomError} PIP_PACKAGE_UNKNOWN, FETCH_FAILED, PIP_FAILED
 */
export async function fetchIndexed(
  step: PipStep,
  pip: Pip,
  { format, environment, keep }: Pick<Wanted, 'format' | 'environment' | 'keep'>,
): Promise<IndexedFile[]> {
  const found: IndexedFile[] = []
  for (const requirement of step.requirements) {
    const { name = '', extras = [] } = parseRequirement(requirement) ?? {}
    const indexes = step.indexes ?? {}
    const index = Object.hasOwn(indexes, name) ? indexes[name] : undefined
    if (index === undefined) continue
    const directory = `${WORK}/indexed/${found.length}`
    await pip.sandbox.run(['mkdir', '-p', directory])
    await pip.run(
      ['download', ...format, '--no-deps', `--dest=${directory}`, '--', withoutHashes(requirement)],
      `fetching ${withoutHashes(requirement)} from ${index}`,
      environment,
      pip.sourcesFor(index),
    )
    const [file, ...more] = await readFiles(pip, directory, keep)
    // of a requirement that does not count here, pip fetches nothing
    if (file === undefined) continue
    const version = versionInFileName(file.file, name)
    if (version === undefined || more.length > 0)
      throw new StillroomError('PIP_FAILED', `pip fetched "${file.file}", expected one file of "${name}"`)
    const suffix = extras.length > 0 ? `[${extras.join(',')}]` : ''
    const path = `${directory}/${file.file}${suffix}`
    found.push({ requirement, name, path, file: { name, version, ...file, index } })
  }
  return found
}
