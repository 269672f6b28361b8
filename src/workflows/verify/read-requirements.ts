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
    return (await requirementsOf(file.fd)) ?? []
  } finally {
    await file.close()
  }
}

/** What METADATA in a wheel says; undefined when it can't be read: that is said where it is used. */
async function requirementsOf(wheel: Parameters<typeof zipMembers>[0]): Promise<string[] | undefined> {
  try {
    for await (const { name, size, content } of zipMembers(wheel)) {
      if (!/^[^/]+\.dist-info\/METADATA$/.test(name) || size > METADATA_LIMIT) continue
      const parts: Buffer[] = []
      for await (const part of content()) parts.push(part)
      return parseRequirements(Buffer.concat(parts).toString('utf8'))
    }
  } catch {
    return undefined
  }
  return undefined
}

function parseRequirements(metadata: string): string[] {
  const [head = ''] = metadata.split(/\r?\n\r?\n/, 1)
  return [...head.matchAll(/^Requires-Dist:[ \t]*(\S.*?)\s*$/gim)].map(([, text = '']) => text)
}

/**
 * Where most writers of wheels put what describes them, directory and all (PyPA, "Recommended archiver features"), and
 * where it is looked for when it isn't there, in bytes.
 */
const ENDS = [512 << 10, 16 << 20]

/**
 * The same of a file that an index has, without fetching all of it: from METADATA beside it, where the index gives that, else
 * from the end of the wheel. Undefined where that is not known.
 */
export async function fetchRequirements(
  { url, hasMetadata, headers = {}, ...target }: SimpleFile & Omit<HttpTarget, 'url'>,
  signal: AbortSignal,
): Promise<string[] | undefined> {
  const get = async (address: string, limit: number, range: Record<string, string> = {}) => {
    const place = { ...target, headers: { ...headers, ...range }, url: address }
    return ask(place, { signal, limit }).catch((error: unknown) => {
      if (error instanceof Unreachable) return undefined
      throw error
    })
  }
  if (hasMetadata) {
    const [address, query = ''] = url.split(/(?=\?)/, 2)
    const answer = await get(`${address}.metadata${query}`, METADATA_LIMIT)
    if (answer?.status === 200) return parseRequirements(Buffer.from(answer.body).toString('utf8'))
  }
  if (!target.file.endsWith('.whl')) return undefined
  for (const length of ENDS) {
    const answer = await get(url, length, { range: `bytes=-${length}` })
    if (answer?.status === 200) return requirementsOf(Buffer.from(answer.body))
    const size = Number(/\/(\d+)$/.exec(answer?.header('content-range') ?? '')?.[1])
    if (answer?.status !== 206 || !Number.isSafeInteger(size)) return undefined
    const found = await requirementsOf({ size, end: answer.body })
    if (found !== undefined) return found
  }
  return undefined
}
