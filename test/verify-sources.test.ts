import { once } from 'node:events'
import { readFile } from 'node:fs/promises'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { join } from 'node:path'
import { expect, onTestFinished, test } from 'vitest'
import type { SourcesReport } from '../src/verify/forecast.ts'
import { readHistory } from '../src/workflows/verify/history-files.ts'
import { copyProject } from './support/project.ts'
import { stillroom } from './support/stillroom.ts'

/** A mirror that has each .deb of hello, but for what `answers` says of some, by name. */
async function mirror(
  sizes: ReadonlyMap<string, number>,
  answers: Record<string, (size: number) => { status: number; size?: number }>,
): Promise<string> {
  const server = createServer((request, response) => {
    const path = decodeURIComponent(request.url ?? '').slice(1)
    const size = sizes.get(path)
    const name = path.split('/').at(-1)?.split('_')[0] ?? ''
    const { status, size: told = size } =
      size === undefined ? { status: 404 } : (answers[name]?.(size) ?? { status: 206 })
    response.writeHead(status, status === 206 ? { 'content-range': `bytes 0-0/${told}` } : {})
    response.end(status === 206 ? 'x' : '')
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  onTestFinished(() => void server.close())
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}`
}

/** Size of each .deb that hello is locked to, by its path on a mirror. */
async function debs(): Promise<Map<string, number>> {
  const table = await readFile(join(import.meta.dirname, '../generated/hello/artifacts.tsv'), 'utf8')
  return new Map(
    table.split('\n').flatMap((line) => {
      const [, size, kind, , path = ''] = line.split('\t')
      return kind === 'debian' ? [[path, Number(size)] as const] : []
    }),
  )
}

test('verify sources says what is gone, replaced or silent, and the history keeps it', async () => {
  const directory = await copyProject('hello')
  const sizes = await debs()
  const url = await mirror(sizes, {
    dash: () => ({ status: 404 }),
    sed: (size) => ({ status: 206, size: size + 1 }),
    grep: () => ({ status: 503 }),
  })
  const env = {
    STILLROOM_DEBIAN: url,
    STILLROOM_DEBIAN_SECURITY: url,
    STILLROOM_SNAPSHOT: 'none',
    STILLROOM_OLD_RELEASES: 'none',
  }
  const args = ['verify', 'sources', 'hello', '--history', 'history', '--json']
  const { exitCode, stdout } = await stillroom(directory, args, { env })
  const [report] = (JSON.parse(stdout) as { reports: SourcesReport[] }).reports
  expect(exitCode).toBe(1)
  const told = report?.risks.map(({ kind, subject }) => `${kind} ${subject.split(' ')[0]}`)
  expect(told).toEqual(expect.arrayContaining(['gone deb/dash', 'changed deb/sed', 'unknown deb/grep']))
  expect(report?.risks.filter(({ kind }) => kind !== 'newer')).toHaveLength(3)
  // and the one wheel, which its own index has
  const artifacts = sizes.size + 1
  expect(report).toMatchObject({ artifacts, live: artifacts - 3, elsewhere: 0 })
  const { history } = await readHistory(join(directory, 'history'))
  expect(history).toMatchObject({ sources: [report], problems: [] })
})
