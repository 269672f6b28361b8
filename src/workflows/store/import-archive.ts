import { createHash } from 'node:crypto'
import { createReadStream } from 'node:fs'
import { StillroomError } from '../../error.ts'
import { tarMembers } from '../../formats/tar/tar-members.ts'
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
  const { store, signal, progress } = ports
  progress({ kind: 'stage', title: `reading ${file}` })
  const hash = createHash('sha256')
  const source = async function* () {
    for await (const bytes of createReadStream(file, { signal })) {
      hash.update(bytes)
      yield bytes as Buffer
    }
  }
  const artifacts = { added: 0, present: 0, bytes: 0 }
  let tree = false
  let manifest: ArchiveManifest | undefined
  const left = new Map<string, { size: number; sha256: string }>()
  try {
    for await (const { member, content } of tarMembers(source())) {
      const name = Buffer.from(member.name, 'latin1').toString()
      if (manifest === undefined) {
        manifest = await readManifest(file, name, member.size, content)
        for (const { path, ...rest } of manifest.files) left.set(path, rest)
        continue
      }
      const path = memberPath(file, manifest, name, member)
      const wanted = left.get(path)
      if (!wanted) throw invalid(file, `"${name}" is there twice, or its manifest does not name it`)
      left.delete(path)
      if (path.startsWith(ARTIFACTS) && (await store.verify(wanted))) {
        artifacts.present += 1
      } else if (path.startsWith(ARTIFACTS)) {
        await store.put(content, wanted)
        artifacts.added += 1
        artifacts.bytes += wanted.size
      } else {
        const kept: Uint8Array[] = []
        const isTree = path === TREE && wanted.size <= TREE_LIMIT
        await requireContent(file, path, wanted, content, (bytes) => isTree && kept.push(Buffer.from(bytes)))
        if (isTree) await store.putCompressed(Buffer.concat(kept))
        tree ||= isTree
      }
      progress({ kind: 'status', text: `${artifacts.added + artifacts.present} artifacts` })
    }
  } catch (error) {
    if (signal.aborted) throw signal.reason
    throw explain(file, error)
  }
  if (!manifest) throw invalid(file, 'it is empty')
  const [missing] = left.keys()
  if (missing !== undefined)
    throw invalid(file, `${left.size} members that its manifest names are missing: "${missing}" ...`)
  const sha256 = hash.digest('hex')
  if (expected !== undefined && expected !== sha256)
    throw invalid(file, `expected sha256 ${expected}, got ${sha256}`)
  const { recipe, platform, image } = manifest
  return { recipe, platform, image, sha256, artifacts, tree }
}

async function readManifest(
  file: string,
  name: string,
  size: number,
  entry: AsyncIterable<Uint8Array>,
): Promise<ArchiveManifest> {
  if (!/^[^/]+\/manifest\.json$/.test(name) || !name.endsWith(`/${MANIFEST}`))
    throw invalid(file, `its first member is "${name}", expected NAME/${MANIFEST}`)
  if (size > MANIFEST_LIMIT) throw invalid(file, 'its manifest is larger than 64 MB')
  const chunks: Uint8Array[] = []
  for await (const chunk of entry) chunks.push(chunk)
  let data: unknown
  try {
    data = JSON.parse(Buffer.concat(chunks).toString('utf8'))
  } catch {
    throw invalid(file, 'its manifest is not JSON')
  }
  const version = (data as { archiveVersion?: unknown } | null)?.archiveVersion
  if (typeof version === 'number' && version !== ARCHIVE_VERSION)
    throw invalid(file, `its version is ${version}, expected ${ARCHIVE_VERSION}: another stillroom wrote it`)
  const parsed = ArchiveManifest.safeParse(data)
  if (parsed.success) return parsed.data
  const [issue] = parsed.error.issues
  throw invalid(file, `its manifest is wrong at ${issue?.path.join('.')}: ${issue?.message}`)
}

function memberPath(file: string, { recipe }: ArchiveManifest, name: string, { flag }: TarMember): string {
  if (flag !== '0' || !name.startsWith(`${recipe}/`))
    throw invalid(file, `"${name}" is not a regular file below ${recipe}/`)
  return name.slice(recipe.length + 1)
}

async function requireContent(
  file: string,
  path: string,
  expected: { size: number; sha256: string },
  entry: AsyncIterable<Uint8Array>,
  take: (bytes: Uint8Array) => void,
): Promise<void> {
  const hash = createHash('sha256')
  for await (const chunk of entry) {
    hash.update(chunk)
    take(chunk)
  }
  const got = hash.digest('hex')
  if (got !== expected.sha256)
    throw invalid(file, `member "${path}": expected sha256 ${expected.sha256}, got ${got}`)
}

function invalid(file: string, reason: string, cause?: unknown): StillroomError {
  return new StillroomError('ARCHIVE_INVALID', `cannot import "${file}": ${reason}`, {
    hint: 'get the archive again, and compare its sha256; `stillroom store export recipe NAME FILE` makes one',
    ...(cause === undefined ? {} : { cause }),
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
