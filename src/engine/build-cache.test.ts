import { readFile } from 'node:fs/promises'
import { DockerfileParser } from 'dockerfile-ast'
import { expect, test } from 'vitest'
import { type CacheRecord, uselessRecords } from './build-cache.ts'

let time = 0
const record = (Description: string, more: Partial<CacheRecord> = {}): CacheRecord => {
  const CreatedAt = `2026-01-01T00:00:${String(time++).padStart(2, '0')}Z`
  const common = { Type: 'regular', InUse: false, Shared: false, Size: 1000, LastUsedAt: CreatedAt }
  return { ID: Description, Description, CreatedAt, ...common, ...more }
}
const useless = (...records: CacheRecord[]) => uselessRecords(records).map(({ ID }) => ID)
const exec = (words: string) => `mount / from exec sh /.stillroom/build/${words}`
const layer = (step: string) => `[${step}-layer 1/1] COPY --link --from=${step} /.stillroom/delta/${step}/ /`

test('what steps worked in goes, what stands on it first; layers of images and the clock stay', () => {
  const found = useless(
    record('[seed 1/1] ADD artifacts/seed/*.tar /'),
    record('mount / from exec /bin/dash /.stillroom/build/clock.sh'),
    record('[clock 1/1] COPY --from=compiled /clock/ /clock/'),
    record(exec('apt.sh apt-1')),
    record(layer('apt-1'), { Shared: true }),
    record('[image 1/1] WORKDIR /home', { Shared: true }),
    record(layer('pip-2')),
  )
  expect(found).toEqual([
    layer('pip-2'),
    exec('apt.sh apt-1'),
    'mount / from exec /bin/dash /.stillroom/build/clock.sh',
    '[seed 1/1] ADD artifacts/seed/*.tar /',
  ])
})

test('a wheel that was made of a source distribution stays, for the next time that its step runs', () => {
  expect(useless(record(exec('sdist.sh gym gym-0.21.0.tar.gz')), record(exec('pip.sh pip-2')))).toEqual([
    exec('pip.sh pip-2'),
  ])
})

test('steps of a flat recipe stay, which has no layers of them; what is used now stays', () => {
  const found = useless(
    record(exec('apt.sh -')),
    record(exec('project.sh - /srv 0:0')),
    record(exec('flat.sh')),
    record(exec('apt.sh apt-1'), { InUse: true }),
  )
  expect(found).toEqual([exec('flat.sh')])
})

test('what no stage of stillroom made stays, though it is unshared, or as large as another and of the same words', () => {
  const run = '[stage-0 2/3] RUN apt-get update'
  const copied = '[stage-0 3/3] COPY /solver /solver'
  expect(useless(record(run), record(copied, { Shared: true }), record(copied, { Shared: true }))).toEqual([])
})

test('what the Dockerfile of a recipe makes is known by its words', async () => {
  const file = new URL('../../generated/fenics-tf/Dockerfile', import.meta.url)
  let stage = ''
  const records: CacheRecord[] = []
  for (const instruction of DockerfileParser.parse(await readFile(file, 'utf8')).getInstructions()) {
    const text = instruction.getTextContent()
    const keyword = instruction.getInstruction()
    if (keyword === 'FROM') stage = text.replace(/.* AS /, '')
    if (keyword === 'RUN') records.push(record(exec(text.replace(/[\s\S]*sh \/\.stillroom\/build\//, ''))))
    if (['ADD', 'COPY', 'WORKDIR'].includes(keyword)) records.push(record(`[${stage} 1/1] ${text}`))
  }
  expect(records.length).toBeGreaterThan(20)
  const dropped = useless(...records)
  const kept = records.map(({ ID }) => ID).filter((id) => !dropped.includes(id))
  expect(kept.filter((id) => !id.includes('sdist.sh'))).toEqual([
    '[clock 1/1] COPY --from=compiled /clock/ /clock/',
  ])
})

test('of two copies of one layer the second goes, whatever its stage was called', () => {
  const shared = { Shared: true, Size: 5 }
  const before = `[image 2/4] ${layer('apt-1').slice('[apt-1-layer 1/1] '.length)}`
  expect(useless(record(before, shared), record(layer('apt-1'), shared))).toEqual([layer('apt-1')])
  expect(useless(record(before, shared), record(layer('apt-1'), { ...shared, Size: 6 }))).toEqual([])
})

test('contexts stay that were used last, up to a limit, and always the last', () => {
  const context = (name: string, Size: number) => record(name, { Type: 'source.local', Size })
  expect(useless(context('old', 1e9), context('mid', 9e8), context('new', 9e8))).toEqual(['old'])
  expect(useless(context('old', 10), context('new', 3e9))).toEqual(['old'])
})
