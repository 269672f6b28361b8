import { expect, test } from 'vitest'
import { type Host, mayWrite, workAs } from './shared-folder.ts'

const linux: Host = { platform: 'linux', uid: 1234, rootless: false }
const owner = { uid: 1234, gid: 1235 }

test('workAs() is the owner of the folder, unless that is the account itself or root', () => {
  expect(workAs(linux, owner, 1000)).toEqual(owner)
  expect(workAs(linux, owner, 0)).toEqual(owner)
  expect(workAs(linux, { uid: 1000, gid: 1000 }, 1000)).toBeUndefined()
  expect(workAs({ ...linux, uid: 0 }, { uid: 0, gid: 0 }, 1000)).toBeUndefined()
})

test('workAs() is root where the engine is rootless: root there is its user here', () => {
  expect(workAs({ ...linux, rootless: true }, owner, 1000)).toEqual({ uid: 0, gid: 0 })
  expect(workAs({ ...linux, rootless: true }, owner, 0)).toBeUndefined()
})

test('workAs() is nobody else where the engine maps owners by itself', () => {
  expect(workAs({ ...linux, platform: 'darwin' }, owner, 1000)).toBeUndefined()
})

test('mayWrite() goes by owner, group and others', () => {
  expect(mayWrite({ ...owner, mode: 0o755 }, 1234)).toBe(true)
  expect(mayWrite({ ...owner, mode: 0o755 }, 1000)).toBe(false)
  expect(mayWrite({ uid: 0, gid: 1000, mode: 0o775 }, 1000)).toBe(true)
  expect(mayWrite({ uid: 0, gid: 0, mode: 0o777 }, 1000)).toBe(true)
  expect(mayWrite({ uid: 1000, gid: 1000, mode: 0o555 }, 1000)).toBe(false)
  expect(mayWrite({ uid: 1000, gid: 1000, mode: 0o555 }, 0)).toBe(true)
})
