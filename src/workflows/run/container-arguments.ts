import { readFile } from 'node:fs/promises'
import { resolve } from 'node:path'
import { DIRECTORY } from '../../engine/lease-scripts.ts'
import type { Gpus, Mount } from '../../engine/task-container.ts'
import type { AwaitedPort } from '../../engine/wait-for-port.ts'
import { StillroomError } from '../../error.ts'
import { type PublishedPort, parsePublished } from '../../recipe/published-port.ts'

/** What `-p` says. @throws {StillroomError} USAGE */
export function publishedPorts(texts: readonly string[]): PublishedPort[] {
  return texts.flatMap((text) => {
    const ports = parsePublished(text)
    if (ports) return ports
    throw new StillroomError('USAGE', `--publish takes no "${text}"`, {
      hint: 'its form is [ADDRESS:][HOST:]CONTAINER[/udp]: -p 8080:80, or -p 0.0.0.0:8080:80 for other machines, too',
    })
  })
}

/** What `--mount` says: SRC:DST[:ro]; SRC counts from `directory`. @throws {StillroomError} USAGE */
export function mounts(texts: readonly string[], directory: string): Mount[] {
  const found = texts.map((text) => {
    const [, source, target, mode] = /^(.+?):(\/[^:]*?)\/?(?::(ro|rw))?$/.exec(text) ?? []
    const isPath = target !== undefined && !/(^|\/)\.{0,2}(\/|$)/.test(target.slice(1))
    if (source !== undefined && isPath && target !== DIRECTORY)
      return { source: resolve(directory, source), target, readOnly: mode === 'ro' }
    throw new StillroomError('USAGE', `--mount takes no "${text}"`, {
      hint: 'its form is SRC:DST or SRC:DST:ro, where DST is an absolute path in the container: --mount data:/data:ro',
    })
  })
  const targets = found.map(({ target }) => target)
  const twice = targets.find((target, i) => targets.indexOf(target) < i)
  if (twice !== undefined) throw new StillroomError('USAGE', `--mount names ${twice} twice`)
  return found
}

/** What `--gpus` says. @throws {StillroomError} USAGE */
export function gpusOf(text: string | undefined): Gpus | undefined {
  if (text === undefined || /^(all|[1-9]\d{0,3}|device=[A-Za-z0-9:._-]+(,[A-Za-z0-9:._-]+)*)$/.test(text))
    return text
  throw new StillroomError('USAGE', `--gpus takes no "${text}"`, {
    hint: 'take all of them, a number, or some by name: --gpus all, --gpus 2, --gpus device=0,1',
  })
}

/** What `--wait-for` says: [HOST:]PORT. @throws {StillroomError} USAGE */
export function awaitedPorts(texts: readonly string[]): Omit<AwaitedPort, 'timeout'>[] {
  return texts.map((text) => {
    const [, host = 'localhost', port] = /^(?:([A-Za-z0-9._-]+):)?(\d{1,5})$/.exec(text) ?? []
    const number = Number(port)
    if (number >= 1 && number <= 65_535) return { host, port: number }
    throw new StillroomError('USAGE', `--wait-for takes no "${text}"`, {
      hint: 'its form is [HOST:]PORT: --wait-for 43643',
    })
  })
}

/**
 * Environment variables for a task: files first, each of lines KEY=VALUE or KEY, then what is given by itself. KEY alone is
 * taken from `env`, when it is there. As with docker, a value is what follows the first "=", quotes and all.
 *
 * @throws {StillroomError} USAGE; no message has a value in it
 */
export async function environment(
  given: readonly string[],
  files: readonly string[],
  env: Readonly<Record<string, string | undefined>>,
): Promise<Record<string, string>> {
  const entries: { text: string; place: string }[] = []
  for (const file of files) {
    const text = await readFile(file, 'utf8').catch((cause: NodeJS.ErrnoException) => {
      throw new StillroomError('USAGE', `cannot read --env-file "${file}": ${cause.code}`, { cause })
    })
    for (const [i, line] of text
      .replace(/^\uFEFF/, '')
      .split(/\r?\n/)
      .entries())
      if (!/^\s*(#|$)/.test(line)) entries.push({ text: line.trimStart(), place: `${file}:${i + 1}` })
  }
  for (const [i, text] of given.entries()) entries.push({ text, place: `--env ${i + 1}` })
  const found: Record<string, string> = {}
  for (const { text, place } of entries) {
    const at = text.indexOf('=')
    const name = at < 0 ? text : text.slice(0, at)
    if (name === '' || /[\s\0]/.test(name) || text.includes('\0'))
      throw new StillroomError('USAGE', `${place}: is not of the form KEY=VALUE or KEY`, {
        hint: 'a name has no white space in it, and nothing stands before it: no "export"',
      })
    const value = at < 0 ? env[name] : text.slice(at + 1)
    if (value !== undefined) found[name] = value
  }
  return found
}

/** What `--name` says. @throws {StillroomError} USAGE */
export function instanceName(text: string | undefined): string | undefined {
  if (text === undefined || /^[a-z0-9](-?[a-z0-9]){0,31}$/.test(text)) return text
  throw new StillroomError(
    'USAGE',
    `--name takes a to z, 0 to 9 and - between them, 32 of them, not "${text}"`,
  )
}
