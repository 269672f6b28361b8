import fc from 'fast-check'
import { expect, it } from 'vitest'
import { tarOf } from '../../image/image-archive.test-data.ts'
import { tarMembers } from './tar-members.ts'

function* pieces(bytes: Buffer, size: number): Generator<Buffer> {
  for (let at = 0; at < bytes.length; at += size) yield bytes.subarray(at, at + size)
}

it('tarMembers() gives each member with its content, whatever the caller reads of it', async () => {
  const member = fc.record({
    size: fc.integer({ min: 0, max: 3000 }),
    take: fc.constantFrom('all', 'first', 'none'),
  })
  await fc.assert(
    fc.asyncProperty(
      fc.array(member, { maxLength: 5 }),
      fc.integer({ min: 1, max: 2000 }),
      async (list, size) => {
        const contents = list.map((one, at) => Buffer.alloc(one.size, at + 1))
        const archive = await tarOf(contents.map((content, at) => [`m${at}`, content]))
        let at = 0
        for await (const found of tarMembers(pieces(archive, size))) {
          const { take, size: length } = list[at] as (typeof list)[number]
          expect(found.member).toMatchObject({ name: `m${at}`, size: length })
          const parts: Buffer[] = []
          if (take !== 'none')
            for await (const bytes of found.content) {
              parts.push(bytes)
              if (take === 'first') break
            }
          const read = Buffer.concat(parts)
          expect(read).toEqual(contents[at]?.subarray(0, read.length))
          if (take === 'all') expect(read).toHaveLength(length)
          at += 1
        }
        expect(at).toBe(list.length)
      },
    ),
  )
})

it('tarMembers() rejects an archive that is cut short, while its content is read or skipped', async () => {
  const archive = (await tarOf([['a', Buffer.alloc(2000)]])).subarray(0, 1500)
  for (const skips of [true, false]) {
    const read = async () => {
      for await (const { content } of tarMembers([archive])) if (!skips) for await (const _ of content);
    }
    await expect(read()).rejects.toMatchObject({
      code: 'IMAGE_INVALID',
      message: 'A tar archive is cut short',
    })
  }
})

it('tarMembers() closes its source when the caller stops', async () => {
  const archive = await tarOf([
    ['a', Buffer.alloc(2000)],
    ['b', Buffer.alloc(9)],
  ])
  let closed = false
  const source = (function* () {
    try {
      yield* pieces(archive, 600)
    } finally {
      closed = true
    }
  })()
  for await (const { member } of tarMembers(source)) {
    expect(member.name).toBe('a')
    break
  }
  expect(closed).toBe(true)
})
