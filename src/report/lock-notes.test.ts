import { expect, it } from 'vitest'
import { LEFT_OUT } from '../dockerfile/left-out.ts'
import { lockInputs } from '../lock/lock-inputs.ts'
import type { Lockfile } from '../lock/schema.ts'
import { smallLock, smallRecipe } from '../lock/small-lock.test-data.ts'
import { Recipe } from '../recipe/schema.ts'
import { lockNotes } from './lock-notes.ts'

/** The small lock with these packages in its apt step, and these commands in its recipe. */
function lockOf(names: string[], commands: string[] = []): Lockfile {
  const platform = smallLock.platforms['linux/amd64']
  const [entry] = platform?.steps.flatMap((step) => (step.kind === 'apt' ? step.packages : [])) ?? []
  if (platform === undefined || entry === undefined) throw new Error('smallLock has no package')
  const packages = names.map((name) => ({ ...entry, name }))
  const steps = commands.map((command) => ({ kind: 'run' as const, command }))
  return {
    ...smallLock,
    inputs: lockInputs(Recipe.parse({ ...smallRecipe, steps }), {}),
    platforms: { 'linux/amd64': { ...platform, steps: [{ kind: 'apt', packages, order: [] }] } },
  }
}

it('names what the packages of a lock make that no image has, and how a container makes it', () => {
  expect(lockNotes(lockOf(['python3', 'openssh-client']))).toEqual([])
  expect(lockNotes(lockOf(['openssh-server']))).toEqual([
    "openssh-server: the SSH server's host keys: made in each container, not in the image: ssh-keygen -A",
  ])
  for (const { package: name, made } of LEFT_OUT)
    expect(lockNotes(lockOf([name])).join('\n'), name).toContain(made)
})

it('names commands that are known to vary, with cause and way out', () => {
  expect(lockNotes(lockOf([], ['make -j"$(nproc)"', 'date > /opt/date']))).toEqual([])
  const [march, uuid, ...others] = lockNotes(lockOf([], ['gcc -O3 -march=native a.c', 'uuidgen > /opt/id']))
  expect(march).toMatch(/^run-1: "-march=native" is known to vary .*the CPU of the builder.*-march=x86-64-v2/)
  expect(uuid).toMatch(/^run-2: "uuidgen" .*a random UUID/)
  expect(others).toEqual([])
})

it('names packages that are known to vary, with cause and way out', () => {
  expect(lockNotes(lockOf(['roundcube-core']))).toEqual([
    expect.stringMatching(
      /^roundcube-core: .* vary from build to build \(a random value\), unless .*"after"/,
    ),
  ])
})

it('says that steps see the clock of the machine where a lock has none', () => {
  const lock = lockOf([])
  const platform = structuredClone(lock.platforms['linux/amd64'])
  if (platform?.base.kind !== 'debian') throw new Error('smallLock is of Debian')
  delete platform.base.clock
  expect(lockNotes({ ...lock, platforms: { 'linux/amd64': platform } })).toEqual([
    expect.stringContaining('SOURCE_DATE_EPOCH'),
  ])
})
