import { createHash, type Hash } from 'node:crypto'
import { createReadStream } from 'node:fs'
import { text } from 'node:stream/consumers'
import { StillroomError } from '../../error.ts'
import { tryJson } from '../../formats/json/try-json.ts'
import { type TarContent, tarMembers } from '../../formats/tar/tar-members.ts'
import type { TarMember } from '../../formats/tar/tar-reader.ts'
import type { Artifacts, Cancellation, Reporting } from '../ports.ts'
import { ARCHIVE_VERSION, ArchiveManifest, MANIFEST, TREE } from './archive-manifest.ts'

const MANIFEST_LIMIT = 64 * 1024 * 1024
/** A larger tree is left out: it is of use, and not needed. */
const TREE_LIMIT = 512 * 1024 * 1024
/** What lies here is an artifact of some lock; the rest is text that a project's own repository holds. */
const ARTIFACTS = 'context/artifacts/'

export interface ImportResult {
  recipe: string
  platform: string
  /** The image that a build of the archive's lock gives. */
  image: string | null
  /** Of the archive, as read. */
  sha256: string
  artifacts: { added: number; present: number; bytes: number }
  /** Whether the locked tree of the image was in it. */
  tree: boolean
}

/**
 * Puts the artifacts of an exported archive into the store. The archive is believed nothing: each member is hashed and
 * verified against the manifest, and one that is wrong is not kept.
 *
 * @param expected sha256 that the archive must have
 * @throws {StillroomError} ARCHIVE_INVALID when it is no archive, is cut short or damaged, or holds what its manifest
 *   does not name; DISK_FULL, NOT_WRITABLE
 */
export async function importArchive(
  ports: Cancellation & Reporting & Artifacts,
  file: string,
  expected?: string,
): Promise<ImportResult> {
  ports.progress({ kind: 'stage', title: `reading ${file}` })
  const hash = createHash('sha256')
  const members = tarMembers(hashed(createReadStream(file, { signal: ports.signal }), hash))
  try {
    const manifest = await readManifest(file, members)
    const kept = await keepMembers(ports, file, manifest, members)
    const sha256 = hash.digest('hex')
    if (expected !== undefined && expected !== sha256)
      throw invalid(file, `expected sha256 ${expected}, got ${sha256}`)
    const { recipe, platform, image } = manifest
    return { recipe, platform, image, sha256, ...kept }
  } catch (error) {
    if (ports.signal.aborted) throw ports.signal.reason
    throw explain(file, error)
  } finally {
    await members.return(undefined)
  }
}

async function* hashed(source: AsyncIterable<Buffer>, hash: Hash): AsyncGenerator<Buffer> {
  for await (const bytes of source) {
    hash.update(bytes)
    yield bytes
  }
}

type Members = AsyncGenerator<TarContent>

/** The first member. */
async function readManifest(file: string, members: Members): Promise<ArchiveManifest> {
  const { value: first } = await members.next()
  if (first === undefined) throw invalid(file, 'it is empty')
  const name = nameOf(first.member)
  if (!/^[^/]+\/manifest\.json$/.test(name) || !name.endsWith(`/${MANIFEST}`))
    throw invalid(file, `its first member is "${name}", expected NAME/${MANIFEST}`)
  if (first.member.size > MANIFEST_LIMIT) throw invalid(file, 'its manifest is larger than 64 MB')
  const data = tryJson(await text(first.content))
  if (data === undefined) throw invalid(file, 'its manifest is not JSON')
  const version = (data as { archiveVersion?: unknown } | null)?.archiveVersion
  if (typeof version === 'number' && version !== ARCHIVE_VERSION)
    throw invalid(file, `its version is ${version}, expected ${ARCHIVE_VERSION}: another stillroom wrote it`)
  const parsed = ArchiveManifest.safeParse(data)
  if (parsed.success) return parsed.data
  const [issue] = parsed.error.issues
  throw invalid(file, `its manifest is wrong at ${issue?.path.join('.')}: ${issue?.message}`)
}

/** Each member is what the manifest says; artifacts and the tree go into the store. */
async function keepMembers(
  { store, progress }: Artifacts & Reporting,
  file: string,
  manifest: ArchiveManifest,
  members: Members,
): Promise<Pick<ImportResult, 'artifacts' | 'tree'>> {
  const left = new Map(manifest.files.map(({ path, ...rest }) => [path, rest]))
  const artifacts = { added: 0, present: 0, bytes: 0 }
  let tree = false
  for await (const { member, content } of members) {
    const path = memberPath(file, manifest, member)
    const wanted = left.get(path)
    if (!wanted) throw invalid(file, `"${nameOf(member)}" is there twice, or its manifest does not name it`)
    left.delete(path)
    if (!path.startsWith(ARTIFACTS)) {
      const isTree = path === TREE && wanted.size <= TREE_LIMIT
      const kept = await readVerified(file, path, wanted, content, isTree)
      if (isTree) await store.putCompressed(kept)
      tree ||= isTree
    } else if (await store.verify(wanted)) {
      artifacts.present += 1
    } else {
      await store.put(content, wanted)
      artifacts.added += 1
      artifacts.bytes += wanted.size
    }
    progress({ kind: 'status', text: `${artifacts.added + artifacts.present} artifacts` })
  }
  const [missing] = left.keys()
  if (missing === undefined) return { artifacts, tree }
  throw invalid(file, `${left.size} members that its manifest names are missing: "${missing}" ...`)
}

const nameOf = ({ name }: TarMember) => Buffer.from(name, 'latin1').toString()

function memberPath(file: string, { recipe }: ArchiveManifest, member: TarMember): string {
  const name = nameOf(member)
  if (member.flag !== '0' || !name.startsWith(`${recipe}/`))
    throw invalid(file, `"${name}" is not a regular file below ${recipe}/`)
  return name.slice(recipe.length + 1)
}

/** @returns its bytes, when they are to be kept */
async function readVerified(
  file: string,
  path: string,
  expected: { size: number; sha256: string },
  content: AsyncIterable<Buffer>,
  keep: boolean,
): Promise<Buffer> {
  const hash = createHash('sha256')
  const kept: Buffer[] = []
  for await (const bytes of hashed(content, hash)) if (keep) kept.push(Buffer.from(bytes))
  const got = hash.digest('hex')
  if (got === expected.sha256) return Buffer.concat(kept)
  throw invalid(file, `member "${path}": expected sha256 ${expected.sha256}, got ${got}`)
}

function invalid(file: string, reason: string, cause?: unknown): StillroomError {
  return new StillroomError('ARCHIVE_INVALID', `cannot import "${file}": ${reason}`, {
    hint: 'get the archive again, and compare its sha256; `stillroom store export recipe NAME FILE` makes one',
    cause,
  })
}

function explain(file: string, error: unknown): unknown {
  if (error instanceof StillroomError && error.code === 'ARTIFACT_MISMATCH')
    return invalid(file, `an artifact in it is damaged: ${error.message}`, error)
  if (error instanceof StillroomError && error.code !== 'IMAGE_INVALID') return error
  const { code, message } = error as NodeJS.ErrnoException
  if (code === 'ENOENT' || code === 'EACCES' || code === 'EISDIR')
    return invalid(file, `it cannot be read (${code})`, error)
  return invalid(file, `it is not an archive of stillroom, or cut short: ${message}`, error)
}
