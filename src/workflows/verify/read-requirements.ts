import type { HttpTarget } from '../../net/http-request.ts'
import type { SimpleFile } from '../../sources/simple-page.ts'
import { fetchWheelMetadata, readWheelMetadata } from '../../sources/wheel-metadata.ts'

/** What a wheel requires, as its METADATA has it (`Requires-Dist`); nothing for what is no readable wheel. */
export async function readRequirements(path: string): Promise<string[]> {
  return parseRequirements(await readWheelMetadata(path)) ?? []
}

/** The same of a file that an index has, without fetching all of it. Undefined where that is not known. */
export async function fetchRequirements(
  file: SimpleFile & Omit<HttpTarget, 'url'>,
  signal: AbortSignal,
): Promise<string[] | undefined> {
  return parseRequirements(await fetchWheelMetadata(file, signal))
}

function parseRequirements(metadata: Buffer | undefined): string[] | undefined {
  const [head = ''] = metadata?.toString('utf8').split(/\r?\n\r?\n/, 1) ?? []
  return metadata && [...head.matchAll(/^Requires-Dist:[ \t]*(\S.*?)\s*$/gim)].map(([, text = '']) => text)
}
