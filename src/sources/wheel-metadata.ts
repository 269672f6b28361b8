import { open } from 'node:fs/promises'
import { zipMembers } from '../formats/zip.ts'
import { ask } from '../net/http-get.ts'
import { type HttpTarget, Unreachable } from '../net/http-request.ts'
import type { SimpleFile } from './simple-page.ts'

/** The longest description that a project has is far shorter. */
const METADATA_LIMIT = 8 << 20

/** METADATA of a wheel (PEP 427) on this machine; undefined for what is no readable wheel: that is said where it is used. */
export async function readWheelMetadata(path: string): Promise<Buffer | undefined> {
  const file = await open(path).catch(() => undefined)
  if (file === undefined) return undefined
  try {
    return await metadataOf(file.fd)
  } finally {
    await file.close()
  }
}

async function metadataOf(wheel: Parameters<typeof zipMembers>[0]): Promise<Buffer | undefined> {
  try {
    for await (const { name, size, content } of zipMembers(wheel)) {
      if (!/^[^/]+\.dist-info\/METADATA$/.test(name) || size > METADATA_LIMIT) continue
      const parts: Buffer[] = []
      for await (const part of content()) parts.push(part)
      return Buffer.concat(parts)
    }
  } catch {
    return undefined
  }
  return undefined
}

/**
 * Where most writers of wheels put what describes them, directory and all (PyPA, "Recommended archiver features"), and
 * where it is looked for when it isn't there, in bytes.
 */
const ENDS = [512 << 10, 16 << 20]

/**
 * METADATA of a file that an index has, without fetching all of it: what lies beside it, where the index gives that (PEP 658), else
 * from the end of the wheel. Undefined where that is not known.
 */
export async function fetchWheelMetadata(
  { url, hasMetadata, headers = {}, ...target }: SimpleFile & Omit<HttpTarget, 'url'>,
  signal: AbortSignal,
): Promise<Buffer | undefined> {
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
    if (answer?.status === 200) return Buffer.from(answer.body)
  }
  if (!target.file.endsWith('.whl')) return undefined
  for (const length of ENDS) {
    const answer = await get(url, length, { range: `bytes=-${length}` })
    if (answer?.status === 200) return metadataOf(Buffer.from(answer.body))
    const size = Number(/\/(\d+)$/.exec(answer?.header('content-range') ?? '')?.[1])
    if (answer?.status !== 206 || !Number.isSafeInteger(size)) return undefined
    const found = await metadataOf({ size, end: answer.body })
    if (found !== undefined) return found
  }
  return undefined
}
