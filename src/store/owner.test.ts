import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { expect, it } from 'vitest'
import { livenessOf, newOwner, OWNER } from './owner.ts'

it('livenessOf() tells living, ended and foreign processes apart', async () => {
  const owner = newOwner()
  expect(owner).toMatch(OWNER)
  expect(newOwner()).not.toBe(owner)
  expect(livenessOf(owner)).toBe('alive')

  const child = spawn(process.execPath, ['--eval', ''], { stdio: 'ignore' })
  await once(child, 'exit')
  const [realm, pid, start, random] = owner.split('-')
  expect(livenessOf(`${realm}-${child.pid}-1-${random}`)).toBe('gone')
  expect(livenessOf(`00000000-${pid}-${start}-${random}`)).toBe('elsewhere')
})

it('livenessOf() does not take a later process with the same pid for the owner', ({ skip }) => {
  if (process.platform !== 'linux') return skip('start times are known on Linux only')
  const [realm, pid, start, random] = newOwner().split('-')
  expect(livenessOf(`${realm}-${pid}-${Number(start) - 1}-${random}`)).toBe('gone')
})
