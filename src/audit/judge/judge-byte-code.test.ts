import { beforeAll, describe, expect, test } from 'vitest'
import {
  audit,
  byteCode,
  type Change,
  findingsOf,
  type SmallImage,
  smallImage,
  withLayer,
} from '../small-image.test-data.ts'

const SITE = 'usr/local/lib/python3.11/dist-packages'
const PATH = `${SITE}/__pycache__/six.cpython-311.pyc`
const SOURCE = 'PY3 = True\n'

let small: SmallImage
beforeAll(async () => {
  small = await smallImage()
})

describe('judgeByteCode()', () => {
  const messageOf = async (change: Change, path = PATH) => {
    const { findings } = await audit(await withLayer(small, { [path]: change }))
    return findings.find(({ rule }) => rule === 'byte-code')?.message
  }
  // flags 0: checked by time and size of the source, which is of 11 bytes and of time 1000
  const timed = (time: number, size: number) => {
    const code = byteCode(SOURCE, { flags: 0 })
    code.writeUInt32LE(time, 8)
    code.writeUInt32LE(size, 12)
    return code
  }

  test.each([
    ['of another source', () => byteCode('other'), 'it was made from another source: hash'],
    [
      'of another Python',
      () => byteCode(SOURCE, { magic: 1 }),
      'it is not for the Python that its name says',
    ],
    ['cut short', () => byteCode(SOURCE).subarray(0, 9), 'it is cut short'],
    ['of another time', () => timed(999, 11), 'from a source of 11 bytes of time 999'],
    ['of another size', () => timed(1000, 12), 'from a source of 12 bytes of time 1000'],
    [
      'of its source, above the locked layers',
      () => byteCode(SOURCE),
      'from a layer that the locked image does not have',
    ],
    ['of its source by time, above the locked layers', () => timed(1000, 11), 'from a layer that the locked'],
  ])('%s', async (_, code, message) => {
    expect(await messageOf({ content: code(), mtime: 5 })).toContain(message)
  })

  test('without a source', async () => {
    expect(await messageOf({ content: byteCode('') }, PATH.replace('six', 'gone'))).toContain(
      'it has no source',
    )
  })

  test('of a source that is not the one locked', async () => {
    const changes = { [`${SITE}/six.py`]: { content: 'evil' }, [PATH]: { content: byteCode('evil') } }
    expect(await findingsOf(await withLayer(small, changes))).toEqual([
      `byte-code /${PATH}`,
      `file-modified /${SITE}/six.py`,
    ])
  })

  test('in the locked layers, without a lock, or gone: nothing to say', async () => {
    expect(await findingsOf(small)).toEqual([])
    expect((await findingsOf(small, false)).filter((finding) => finding.startsWith('byte-code'))).toEqual([])
    expect(await findingsOf(await withLayer(small, { [PATH]: undefined }))).toEqual([])
  })
})
