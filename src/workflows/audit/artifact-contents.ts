import { createHash } from 'node:crypto'
import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import type { ArtifactContents } from '../../audit/expect/locked-contents.ts'
import { writeFileAtomic } from '../../store/disk.ts'
import type { Cache } from '../ports.ts'

/** Raised whenever a kept account would be read in another way. */
const FORMAT = 1

/**
 * The account of an artifact that was kept when it was read; none when it is cut short or damaged.
 *
 * @param key names the artifact's content, and all else that the account depends on
 */
export async function keptContents(ports: Cache, key: string): Promise<ArtifactContents | undefined> {
  const bytes = await readFile(pathOf(ports, key)).catch(() => undefined)
  if (bytes === undefined) return undefined
  const end = bytes.indexOf('\n')
  const body = bytes.subarray(end + 1, -1)
  if (bytes.toString('latin1', 0, end) !== digest(body)) return undefined
  return JSON.parse(body.toString()) as ArtifactContents
}

/** Keeps an account for {@link keptContents}. */
export async function keepContents(
  ports: Cache,
  key: string,
  contents: ArtifactContents,
): Promise<ArtifactContents> {
  const body = JSON.stringify(contents)
  await writeFileAtomic(pathOf(ports, key), `${digest(body)}\n${body}\n`)
  return contents
}

const pathOf = ({ cache }: Cache, key: string) => join(cache, 'contents', `${FORMAT}`, key.slice(0, 2), key)

const digest = (text: string | Buffer) => createHash('sha256').update(text).digest('hex')
