import { readFile } from 'node:fs/promises'
import type { DebianIndex } from '../lock/schema.ts'
import type { Sandbox, SandboxFile, SandboxResult } from './sandbox.ts'

/** What real programs answered to the resolvers, as `scripts/record-resolvers.ts` writes it. */
export interface Recorded {
  /** By what they are about; in the order of the calls. */
  scenarios: Record<string, RecordedCall[]>
  /** apt's indexes, with the entries that count. */
  indexes: { index: DebianIndex; packages: string }[]
}

export type RecordedCall =
  | ({ command: string[] } & SandboxResult)
  | { directory: string; files: { name: string; size: number; sha256: string }[] }

export const SUITES = ['bullseye', 'bookworm', 'trixie'] as const

export async function readRecorded(
  room: 'apt' | 'python',
  suite: (typeof SUITES)[number],
): Promise<Recorded> {
  const path = new URL(`./${room}/recorded/${suite}.json`, import.meta.url)
  return JSON.parse(await readFile(path, 'utf8')) as Recorded
}

export interface ReplayedSandbox extends Sandbox {
  /** What was put into it, by path. */
  written: Map<string, string>
  /** What was taken away again. */
  removed: string[]
  /** Of each command. */
  environments: Record<string, string>[]
  /** Calls that were recorded and not made. */
  left(): number
}

/**
 * A sandbox that answers as the recorded one did.
 *
 * @throws {Error} by a call that is not the one that was recorded next
 */
export function replay(calls: readonly RecordedCall[] | undefined): ReplayedSandbox {
  if (calls === undefined) throw new Error('there is no such scenario')
  const rest = [...calls]
  const written = new Map<string, string>()
  const environments: Record<string, string>[] = []
  const removed: string[] = []
  return {
    written,
    removed,
    remove: async (path) => void removed.push(path),
    environments,
    left: () => rest.length,
    write: async (files: readonly SandboxFile[]) => {
      for (const { path, content } of files) written.set(path, Buffer.from(content as Uint8Array).toString())
    },
    run: async (command, env = {}) => {
      const call = rest.shift()
      const expected = call && 'command' in call ? call.command : undefined
      if (call === undefined || JSON.stringify(command) !== JSON.stringify(expected))
        throw new Error(`recorded next: ${JSON.stringify(call)}, called: ${command.join(' ')}`)
      environments.push(env)
      return call as SandboxResult
    },
    read: async function* (directory) {
      const call = rest.shift()
      if (call === undefined || !('directory' in call) || call.directory !== directory)
        throw new Error(`recorded next: ${JSON.stringify(call)}, read: ${directory}`)
      for (const { name, size, sha256 } of call.files) yield { name, content: stub(`${sha256} ${size}`) }
    },
  }
}

async function* stub(text: string): AsyncIterable<Uint8Array> {
  yield Buffer.from(text)
}

/** Takes a file that {@link replay} gives for what it was when it was recorded. */
export async function keepStub(
  content: AsyncIterable<Uint8Array>,
): Promise<{ sha256: string; size: number }> {
  const chunks: Uint8Array[] = []
  for await (const chunk of content) chunks.push(chunk)
  const [sha256 = '', size] = Buffer.concat(chunks).toString().split(' ')
  return { sha256, size: Number(size) }
}
