import { hash } from 'node:crypto'
import { mkdir, open, readdir, readFile, rename, rm, writeFile } from 'node:fs/promises'
import { join, resolve } from 'node:path'
import { connectEngine } from '../../engine/connect.ts'
import { StillroomError, unlessMissing } from '../../error.ts'
import { recordedRecipe } from '../../lock/recorded-recipe.ts'
import { citationFile, zenodoMetadata } from '../../report/deposit/citation.ts'
import { type DepositFacts, type DepositFile, sourceIds } from '../../report/deposit/deposit-facts.ts'
import { depositReadme } from '../../report/deposit/deposit-readme.ts'
import { roCrate } from '../../report/deposit/ro-crate.ts'
import { diskError, hashFile } from '../../store/disk.ts'
import { requireLockedImage } from '../build/locked-image.ts'
import { exportSif } from '../export/export-sif.ts'
import { loadRecipe } from '../project/load-recipe.ts'
import { lockedPlatform, requireLock } from '../project/lock-file.ts'
import { filesToAttach, readStatement } from '../publish/files-to-attach.ts'
import { saveRecipe } from '../save/save-recipe.ts'
import type { Session } from '../session.ts'
import { exportRecipe } from '../store/export-recipe.ts'

export interface DepositResult {
  recipe: string
  /** The image ID. */
  image: string
  /** As it was named. */
  directory: string
  files: { name: string; size: number; sha256: string }[]
  /** Of all files together, in bytes. */
  size: number
  /** sha256 of SHA256SUMS, which stands for all of it. */
  sha256: string
}

/**
 * Writes a directory to be given to an archive: the locked image, what it takes to build it again, what it is, and documents that say
 * so to people and to programs. The same lock and recipe give the same bytes. Names have no directories, since archives such as
 * Zenodo keep none.
 *
 * @param statement path of a statement of a verification, to go along
 * @param sif whether the image is to be there as a SIF, too
 * @throws {StillroomError} USAGE when the directory is there and not empty; those of `save`, `export`, `store export`, audits
 */
export async function depositRecipe(
  session: Session,
  name: string,
  directory: string,
  { statement, sif }: { statement?: string | undefined; sif: boolean },
): Promise<DepositResult> {
  const path = resolve(directory)
  await requireEmpty(path, directory)
  const scratch = `${path}.${process.pid}.tmp`
  try {
    await mkdir(scratch, { recursive: true })
    const facts = await writeContents(session, name, scratch, { statement, sif })
    const readme = depositReadme(facts)
    const about = { size: Buffer.byteLength(readme), sha256: hash('sha256', readme, 'hex') }
    const documents = {
      'README.md': readme,
      'ro-crate-metadata.json': roCrate(facts, about),
      'CITATION.cff': citationFile(facts),
      'zenodo.json': zenodoMetadata(facts),
    }
    for (const [file, text] of Object.entries(documents)) await writeFile(join(scratch, file), text)
    const files = await hashFiles(scratch)
    const sums = files.map(({ name: file, sha256 }) => `${sha256}  ${file}\n`).join('')
    await writeFile(join(scratch, 'SHA256SUMS'), sums)
    const all = await hashFiles(scratch)
    await rm(path, { recursive: true, force: true })
    await rename(scratch, path)
    const size = all.reduce((sum, file) => sum + file.size, 0)
    const { sha256 } = all.find((file) => file.name === 'SHA256SUMS') as { sha256: string }
    return { recipe: name, image: facts.image, directory, files: all, size, sha256 }
  } catch (error) {
    throw diskError(error, path)
  } finally {
    await rm(scratch, { recursive: true, force: true })
  }
}

async function requireEmpty(path: string, shown: string): Promise<void> {
  const names = await readdir(path).catch(unlessMissing)
  if (names === undefined || names.length === 0) return
  throw new StillroomError(
    'USAGE',
    `there is something in ${shown} already: ${names.slice(0, 3).join(', ')}`,
    {
      hint: 'name a directory that is empty, or that is not there yet',
    },
  )
}

/** All but the documents: what they tell of. */
async function writeContents(
  session: Session,
  name: string,
  directory: string,
  { statement, sif }: { statement: string | undefined; sif: boolean },
): Promise<DepositFacts> {
  const at = (file: string) => join(directory, file)
  // each may write its sum into the lockfile, which goes along with all of them
  await saveRecipe(session, name, at(`${name}.tar`))
  if (sif) await exportSif(session, name, at(`${name}.sif`), { definition: at(`${name}.def`) })
  await exportRecipe(session, name, at(`${name}.inputs.tar`))
  for (const file of await readdir(directory)) if (file.endsWith('.sha256')) await rm(at(file))

  const lock = await requireLock(session.directory, name)
  const locked = lockedPlatform(lock, recordedRecipe(lock))
  const { recipe, directory: beside } = await loadRecipe(session.directory, name)
  const text = await readFile(join(beside, 'lock.json'), 'utf8')
  await writeFile(at('recipe.ts'), await readFile(join(beside, 'recipe.ts')))
  const image = await requireLockedImage(session, await connectEngine(session), name, locked)
  if (locked.image === null) throw new Error('a locked image is required above')
  const stated =
    statement === undefined ? undefined : await readStatement(session.directory, statement, locked.image)
  const about = { image: locked.image, lock: text, statement: stated }
  for (const file of await filesToAttach(session, name, image.name, about))
    await writeFile(at(file.name), file.bytes)

  const written = new Map((await hashFiles(directory)).map((file) => [file.name, file]))
  const files = describeFiles(name).flatMap((known): DepositFile[] => {
    const file = written.get(known.name)
    return file === undefined ? [] : [{ ...known, ...file }]
  })
  return { name, recipe, locked, image: image.id, files, sources: sourceIds({ recipe, locked }) }
}

/** Each file that may be there, in the order in which a reader wants them. */
function describeFiles(name: string): Omit<DepositFile, 'size' | 'sha256'>[] {
  const json = 'application/json'
  return [
    {
      name: `${name}.tar`,
      about: 'the image, as an OCI image layout that docker load reads, too',
      mediaType: 'application/x-tar',
      image: 'docker',
    },
    {
      name: `${name}.sif`,
      about: 'the image, for Apptainer and Singularity',
      mediaType: 'application/vnd.sylabs.sif.layer.v1.sif',
      image: 'sif',
    },
    {
      name: `${name}.def`,
      about: 'how sites that build SIFs themselves make one of the image',
      mediaType: 'text/plain',
    },
    {
      name: `${name}.inputs.tar`,
      about: 'the build context with all that it needs: packages, wheels, sources of the project',
      mediaType: 'application/x-tar',
    },
    { name: 'recipe.ts', about: 'the recipe that the image was made from', mediaType: 'text/plain' },
    {
      name: 'lock.json',
      about: 'each package and file that the image is made of, with version, origin and sha256',
      mediaType: json,
    },
    { name: `${name}.spdx.json`, about: 'the bill of materials in SPDX', mediaType: 'application/spdx+json' },
    {
      name: `${name}.cdx.json`,
      about: 'the bill of materials in CycloneDX',
      mediaType: 'application/vnd.cyclonedx+json',
    },
    { name: `${name}.tree`, about: 'every file of the image with its sha256', mediaType: 'text/plain' },
    {
      name: `${name}.intoto.json`,
      about: 'the statement of a verification: who built the image again, and that it was the same',
      mediaType: 'application/vnd.in-toto+json',
    },
  ]
}

async function hashFiles(directory: string): Promise<{ name: string; size: number; sha256: string }[]> {
  const files: { name: string; size: number; sha256: string }[] = []
  for (const name of (await readdir(directory)).sort()) {
    await using handle = await open(join(directory, name), 'r')
    files.push({ name, ...(await hashFile(handle)) })
  }
  return files
}
