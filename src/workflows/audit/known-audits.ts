import { createHash, hash } from 'node:crypto'
import { readdir, readFile } from 'node:fs/promises'
import { join } from 'node:path'
import type { Explanation } from '../../audit/audit-image.ts'
import { REPORT_VERSION } from '../../audit/audit-report.ts'
import type { Lockfile } from '../../lock/schema.ts'
import { serializeLock } from '../../lock/serialize-lock.ts'
import type { BuildAudit } from '../../report/build-report.ts'
import { FileCache } from '../../store/file-cache.ts'
import type { Cache } from '../ports.ts'

/** What an audit depends on, when it finds nothing: then no exception of the policy had a part in it. */
export interface AuditedPair {
  /** The image ID, which stands for every byte of the image's layers and settings. */
  id: string
  /** Text of the lockfile. */
  lock: string
}

const FORMAT = 1
/** Some 10,000 notes. */
const LIMIT = 40 * 1024 ** 2
const UNUSED_AFTER = 30 * 24 * 3600 * 1000

/** Notes of clean audits in the cache directory. */
export function auditNotes({ cache }: Cache): FileCache {
  return new FileCache(join(cache, 'audits'), FORMAT, LIMIT)
}

/** Notes that an image was compared with a lockfile and is clean; forgets notes that nothing used for a month. */
export async function rememberClean(
  ports: Cache,
  pair: AuditedPair,
  { explainedShare }: BuildAudit,
): Promise<void> {
  const notes = auditNotes(ports)
  await notes.put(await nameOf(pair.id, pair.lock), Buffer.from(JSON.stringify({ explainedShare })))
  await notes.clean(new Date(Date.now() - UNUSED_AFTER))
}

/** The audit of the same image against the same lockfile by the same code, when it was clean and noted. */
export async function knownClean(ports: Cache, pair: AuditedPair): Promise<BuildAudit | undefined> {
  const note = await auditNotes(ports).get(await nameOf(pair.id, pair.lock))
  if (note === undefined) return undefined
  const { explainedShare } = JSON.parse(note.toString()) as Pick<BuildAudit, 'explainedShare'>
  return { verdict: 'clean', trust: null, explainedShare, findings: [], isKnown: true }
}

/** Keeps what the rules say of the files of a lock's image, when they find nothing in them. */
export async function rememberExplanation(
  ports: Cache,
  lock: Lockfile,
  { files, packages }: Explanation,
): Promise<void> {
  const name = await nameOf('explanation', serializeLock(lock))
  await auditNotes(ports).put(name, Buffer.from(JSON.stringify({ files, packages })))
}

/** What the same code kept of the files of the same lock's image. */
export async function knownExplanation(ports: Cache, lock: Lockfile): Promise<Explanation | undefined> {
  const note = await auditNotes(ports).get(await nameOf('explanation', serializeLock(lock)))
  return note && (JSON.parse(note.toString()) as Explanation)
}

async function nameOf(...about: readonly string[]): Promise<string> {
  code ??= digestCode(new URL('../../', import.meta.url))
  return hash('sha256', JSON.stringify([await code, REPORT_VERSION, ...about]), 'hex')
}

let code: Promise<string> | undefined

/**
 * sha256 over the programs that audit: a note is that of the very code that made it, whatever its version calls itself.
 *
 * @param root the directory of all of stillroom's modules; package.json beside it has the versions of what they use
 */
export async function digestCode(root: URL): Promise<string> {
  const names = await readdir(root, { recursive: true })
  const modules = names.filter(
    (name) => /\.(js|ts)$/.test(name) && !/\.(d|test|test-data|fixture)\.ts$/.test(name),
  )
  const digest = createHash('sha256')
  for (const path of ['../package.json', ...modules.sort()]) {
    const bytes = await readFile(new URL(path, root))
    digest.update(JSON.stringify([path, bytes.length])).update(bytes)
  }
  return digest.digest('hex')
}
