import { createHash } from 'node:crypto'
import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import type { ArtifactContents } from '../audit/locked-contents.ts'
import { writeFileAtomic } from '../store/write-file-atomic.ts'
import type { Session } from './session.ts'

/** Raised whenever a kept account would be read in another way. */
const FORMAT = 1

/**
 * What an artifact holds, from the account of it kept beside the store, or else read and kept. An account that is cut
 * short or damaged counts as none.
 *
 * @param key names the artifact's content, and all else that the account depends on
 */
export async function keptContents(
  { cache }: Session,
  key: string,
  read: () => Promise<ArtifactContents>,
): Promise<ArtifactContents> {
  const path = join(cache, 'contents', `${FORMAT}`, key.slice(0, 2), key)
  const kept = await readKept(path)
  if (kept !== undefined) return kept
  const contents = await read()
  const body = JSON.stringify(contents)
  await writeFileAtomic(path, `${digest(body)}\n${body}\n`)
  return contents
}

async function readKept(path: string): Promise<ArtifactContents | undefined> {
  const text = await readFile(path, 'utf8').catch(() => undefined)
  if (text === undefined) return undefined
  const end = text.indexOf('\n')
  const body = text.slice(end + 1, -1)
  return text.slice(0, end) === digest(body) ? (JSON.parse(body) as ArtifactContents) : undefined
}

const digest = (text: string) => createHash('sha256').update(text).digest('hex')
