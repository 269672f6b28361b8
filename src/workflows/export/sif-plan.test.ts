import { expect, test } from 'vitest'
import { lockedDigests } from '../../dockerfile/context-artifacts.ts'
import { PACKER } from '../../dockerfile/locked-programs.ts'
import { ImageConfig } from '../../formats/oci.ts'
import { parseLock } from '../../lock/parse-lock.ts'
import { recordedRecipe } from '../../lock/recorded-recipe.ts'
import type { LockedImage } from '../../lock/schema.ts'
import { serializeLock } from '../../lock/serialize-lock.ts'
import { smallLock } from '../../lock/small-lock.test-data.ts'
import { Task } from '../../recipe/schema.ts'
import { planSif, withSif } from './sif-plan.ts'

const platform = 'linux/amd64'
const locked = smallLock.platforms[platform] ?? expect.unreachable()
const image = locked.image ?? expect.unreachable()
const task = Task.parse({ command: ['train', '-v'], description: 'Train', ports: ['8080:80'] })
const recipe = { ...recordedRecipe(smallLock), tasks: { train: task } }
const config = ImageConfig.parse({ os: 'linux', architecture: 'amd64', rootfs: { type: 'layers' } })
const of = (changes: Partial<LockedImage> = {}) => ({
  ...{ lock: smallLock, platform, locked },
  image: { ...image, ...changes },
})
const SUM = { sha256: '0'.repeat(64), size: 1 }

test('planSif() is the same whatever sums of the image the lock has', () => {
  const plan = planSif(of(), recipe, config)
  expect(
    planSif(of({ archive: SUM, sif: { ...SUM, inputs: SUM.sha256, tasks: {} } }), recipe, config),
  ).toEqual(plan)
  expect(plan.lockText).not.toContain('"sif"')
  expect(parseLock(plan.lockText, 'lock.json').platforms[platform]?.image).toMatchObject({ id: image.id })
})

test('planSif() changes with what goes into the SIF', () => {
  const plan = planSif(of(), recipe, config)
  const others = [
    planSif(of({ tree: `sha256:${'f'.repeat(64)}` }), recipe, config),
    planSif(of(), { ...recipe, tasks: {} }, config),
    planSif(of(), recipe, { ...config, config: { Env: ['A=1'] } }),
  ]
  for (const other of others) {
    expect(other.inputs).not.toBe(plan.inputs)
    expect(other.id).not.toEqual(plan.id)
  }
  // what only people read of a task is not in it
  expect(planSif(of(), { ...recipe, tasks: { train: { ...task, description: '' } } }, config)).toEqual(plan)
})

test('a lock with a SIF is read as it was written, and needs the packer', () => {
  const lock = withSif(of(), recipe, { ...SUM, inputs: SUM.sha256 })
  const recorded = lock.platforms[platform] ?? expect.unreachable()
  expect(recorded.image?.sif?.tasks).toEqual({ train: { command: ['train', '-v'] } })
  const read = parseLock(serializeLock(lock), 'lock.json').platforms[platform]
  expect(read?.image).toEqual(recorded.image)
  const [deb] = PACKER.base.kind === 'debian' ? PACKER.base.packages : []
  expect(lockedDigests(recorded)).toContain(deb?.sha256)
  expect(lockedDigests(locked)).not.toContain(deb?.sha256)
})
