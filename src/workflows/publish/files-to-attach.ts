import { readFile } from 'node:fs/promises'
import { resolve } from 'node:path'
import { StillroomError } from '../../error.ts'
import { tryJson } from '../../formats/json/try-json.ts'
import type { AttachedFile } from '../../formats/oci-referrer.ts'
import { TREE_TYPE } from '../../formats/store-manifest.ts'
import type { LockedImage } from '../../lock/schema.ts'
import { renderSbom } from '../../report/audit-formats.ts'
import type { Statement } from '../../verify/statement.ts'
import { auditRecipe } from '../audit/audit-recipe.ts'
import { plainName } from '../project/image-name.ts'
import type { Session } from '../session.ts'
import { readTreeText } from '../store/locked-tree.ts'

/**
 * The files that say what an image is, as they are attached to it: its lockfile, bills of materials, the locked tree when the store
 * has it, and the statement of a verification when there is one. The same image and lockfile give the same bytes on every machine.
 *
 * @param called what the engine calls the image
 * @throws {StillroomError} those of an audit
 */
export async function filesToAttach(
  session: Session,
  recipe: string,
  called: string,
  { image, lock, statement }: { image: LockedImage; lock: string; statement: Buffer | undefined },
): Promise<AttachedFile[]> {
  const audit = await auditRecipe(session, recipe, { image: called })
  // what the image is called here is this machine's own
  const report = { ...audit, image: { ...audit.image, reference: plainName(recipe) } }
  const { created } = audit.image
  const about = created === undefined ? {} : { created }
  const tree = await readTreeText(session, image)
  const text = (content: string) => Buffer.from(content)
  return [
    { name: 'lock.json', type: 'application/vnd.stillroom.lock.v1+json', bytes: text(lock) },
    {
      name: `${recipe}.cdx.json`,
      type: 'application/vnd.cyclonedx+json',
      bytes: text(await renderSbom(report, 'cyclonedx', about)),
    },
    {
      name: `${recipe}.spdx.json`,
      type: 'application/spdx+json',
      bytes: text(await renderSbom(report, 'spdx', about)),
    },
    ...(tree === undefined ? [] : [{ name: `${recipe}.tree`, type: TREE_TYPE, bytes: tree }]),
    ...(statement === undefined
      ? []
      : [{ name: `${recipe}.intoto.json`, type: 'application/vnd.in-toto+json', bytes: statement }]),
  ]
}

/** A statement of a verification. @throws {StillroomError} USAGE when it is none about this image */
export async function readStatement(directory: string, path: string, { id }: LockedImage): Promise<Buffer> {
  const hint = 'stillroom verify recipe NAME --statement DIRECTORY writes one'
  const bytes = await readFile(resolve(directory, path)).catch((cause: NodeJS.ErrnoException) => {
    throw new StillroomError('USAGE', `cannot read the statement "${path}": ${cause.code}`, { hint, cause })
  })
  const { subject } = (tryJson(bytes.toString('utf8')) ?? {}) as Partial<Statement>
  const digests = Array.isArray(subject) ? subject.map((each) => `sha256:${each?.digest?.sha256}`) : []
  if (digests.includes(id)) return bytes
  throw new StillroomError(
    'USAGE',
    `"${path}" is no statement about image ${id}: ${digests.length === 0 ? 'it has no subject' : `its subject is ${digests.join(', ')}`}`,
    { hint },
  )
}
