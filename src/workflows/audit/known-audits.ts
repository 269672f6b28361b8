import { createHash } from 'node:crypto'
import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { REPORT_VERSION } from '../../audit/audit-report.ts'
import { writeFileAtomic } from '../../store/disk.ts'
import type { BuildAudit } from '../build/build-result.ts'
import type { Cache } from '../ports.ts'

/** What an audit depends on, when it finds nothing: then no exception of the policy had a part in it. */
export interface AuditedPair {
  /** The image ID, which stands for every byte of the image's layers and settings. */
  id: string
  /** Text of the lockfile. */
  lock: string
}

/** Notes that an image was held against a lockfile and is clean. */
export async function rememberClean(
  ports: Cache,
  pair: AuditedPair,
  { explainedShare }: BuildAudit,
): Promise<void> {
  await writeFileAtomic(await notePath(ports, pair), `${JSON.stringify({ explainedShare })}\n`)
}

/** The audit of the same image against the same lockfile by the same release, when it was clean and noted. */
export async function knownClean(ports: Cache, pair: AuditedPair): Promise<BuildAudit | undefined> {
  const text = await readFile(await notePath(ports, pair), 'utf8').catch(() => undefined)
  const share = /^\{"explainedShare":(0\.\d+|[01])\}$/.exec(text?.trim() ?? '')?.[1]
  if (share === undefined) return undefined
  return { verdict: 'clean', explainedShare: Number(share), findings: [], isKnown: true }
}

async function notePath({ cache }: Cache, { id, lock }: AuditedPair): Promise<string> {
  const manifest = await readFile(new URL('../../../package.json', import.meta.url), 'utf8')
  const { version } = JSON.parse(manifest) as { version: string }
  const key = JSON.stringify([version, REPORT_VERSION, id, lock])
  return join(cache, 'audits', createHash('sha256').update(key).digest('hex'))
}
