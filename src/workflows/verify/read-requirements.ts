import { open } from 'node:fs/promises'
import { zipMembers } from '../../formats/zip.ts'
import { ask } from '../../net/http-get.ts'
import { type HttpTarget, Unreachable } from '../../net/http-request.ts'
import type { SimpleFile } from '../../sources/simple-page.ts'

/** The longest description that a project has is far shorter. */
const METADATA_LIMIT = 8 << 20

/** What a wheel requires, as its METADATA has it (`Requires-Dist`); nothing for what is no readable wheel. */
export async function readRequirements(path: string): Promise<string[]> {
  const file = await open(path).catch(() => undefined)
  if (file === undefined) return []
  try {
    for await (const { name, size, content } of zipMembers(file.fd)) {
      if (!/^[^/]+\.dist-info\/METADATA$/.test(name) || size > METADATA_LIMIT) continue
      const parts: Buffer[] = []
      for await (const part of content()) parts.push(part)
      const [head = ''] = Buffer.concat(parts)
        .toString('utf8')
        .split(/\r?\n\r?\n/, 1)
      return [...head.matchAll(/^Requires-Dist:[ \t]*(\S.*?)\s*$/gim)].map(([, text = '']) => text)
    }
  } catch {
    // that it is damaged is said where it is used
  } finally {
    await file.close()
  }
  return []
}

function parseRequirements(metadata: string): string[] {
  const [head = ''] = metadata.split(/\r?\n\r?\n/, 1)
  return [...head.matchAll(/^Requires-Dist:[ \t]*(\S.*?)\s*$/gim)].map(([, text = '']) => text)
}

/** The same of a file that an index has, where it gives the METADATA alone; undefined where that is not known. */
export async function fetchRequirements(
  { url, hasMetadata, headers, ...target }: SimpleFile & Omit<HttpTarget, 'url'>,
  signal: AbortSignal,
): Promise<string[] | undefined> {
  if (!hasMetadata) return undefined
  const [address, query = ''] = url.split(/(?=\?)/, 2)
  const place = {
    ...target,
    ...(headers === undefined ? {} : { headers }),
    url: `${address}.metadata${query}`,
  }
  const answer = await ask(place, { signal, limit: METADATA_LIMIT }).catch((error: unknown) => {
    if (error instanceof Unreachable) return undefined
    throw error
  })
  return answer?.status === 200 ? parseRequirements(Buffer.from(answer.body).toString('utf8')) : undefined
}
