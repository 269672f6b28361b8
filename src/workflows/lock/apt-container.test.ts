import { mkdir } from 'node:fs/promises'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { type Deb, makeDeb } from '../../../test/world/make-deb.ts'
import { parseControl } from '../../formats/deb/deb822.ts'
import type { LockedApt, LockedPlatform, LockedStep } from '../../lock/schema.ts'
import { smallLock } from '../../lock/small-lock.test-data.ts'
import { Step } from '../../recipe/schema.ts'
import { temporaryDirectory } from '../../store/testing/temporary-directory.ts'
import { openSession } from '../session.ts'
import { AptContainer } from './apt-container.ts'

const { steps: _, ...platform } = smallLock.platforms['linux/amd64'] as LockedPlatform

const lockedApt = (...debs: Deb[]): LockedApt => ({
  kind: 'apt',
  packages: debs.map(({ name, version, path, bytes, sha256 }) => {
    return { name, version, architecture: 'all', archive: 'debian', path, size: bytes.length, sha256 }
  }),
  order: [],
})
const apt = (...packages: string[]) => ({ kind: 'apt', packages })
const run = { kind: 'run', command: ['true'] }

/**
 * What apt knows before each apt step, each as `IMAGE: PACKAGES; automatic: MARKS`, the image being how many steps it was built
 * of; and what happened to containers.
 */
async function statesBefore(steps: object[], locked: LockedStep[], debs: Deb[]) {
  const directory = await temporaryDirectory()
  await mkdir(join(directory, 'cache'), { mode: 0o700 })
  const env = { XDG_CACHE_HOME: join(directory, 'cache') }
  const { signal } = new AbortController()
  const session = await openSession({ directory, env, signal, progress: () => {} })
  for (const { bytes } of debs) await session.store.put(bytes)
  const events: string[] = []
  const container = new AptContainer(
    session,
    steps.map((step) => Step.parse(step)),
    async (before) => {
      const image = before.steps.length
      events.push(`open ${image}`)
      const files = new Map([
        ['/var/lib/dpkg/status', `Package: in-${image}\nStatus: install ok installed\nArchitecture: amd64\n`],
      ])
      return {
        use: (work) =>
          work({
            run: async (command) => ({
              exitCode: 0,
              stdout: files.get(command.at(-1) as string) ?? '',
              stderr: '',
            }),
            write: async (written) => {
              for (const { path, content } of written) files.set(path, content.toString())
            },
            remove: async () => {},
            read: async function* () {},
          }),
        [Symbol.asyncDispose]: async () => void events.push(`close ${image}`),
      }
    },
  )
  const states: string[] = []
  const names = (text: string) => [...parseControl(text)].map((stanza) => stanza.get('package')).join(' ')
  for (const [index, step] of locked.entries()) {
    if (step.kind !== 'apt') continue
    await container.use({ ...platform, steps: locked.slice(0, index) }, async (sandbox) => {
      const read = async (path: string) => names((await sandbox.run(['cat', path])).stdout)
      const marks = await read('/var/lib/apt/extended_states')
      states.push(`${await read('/var/lib/dpkg/status')}${marks === '' ? '' : `; automatic: ${marks}`}`)
    })
  }
  await container[Symbol.asyncDispose]()
  return { states, events }
}

const [jq, libjq, tool, settings] = await Promise.all([
  makeDeb({ name: 'jq', version: '1' }),
  makeDeb({ name: 'libjq', version: '1' }),
  makeDeb({ name: 'tool', version: '1' }),
  makeDeb({ name: 'settings', version: '1', files: { '/etc/apt/apt.conf.d/50settings': 'x' } }),
])

test('apt steps need one container of the base, whatever number of them there are', async () => {
  const project = { kind: 'project', path: 'solver', to: '/opt/solver' }
  const { states, events } = await statesBefore(
    [apt('jq'), project, apt('tool', 'libjq'), apt('settings')],
    [
      lockedApt(libjq, jq),
      { kind: 'project', commit: '0'.repeat(40), tree: '0'.repeat(40) },
      lockedApt(tool),
      lockedApt(settings),
    ],
    [jq, libjq, tool],
  )
  expect(states).toEqual(['in-0', 'in-0 jq libjq; automatic: libjq', 'in-0 jq libjq tool'])
  expect(events).toEqual(['open 0', 'close 0'])
})

test('behind a step that may change what apt plans by, the image up to it is built, once', async () => {
  const { states, events } = await statesBefore(
    [apt('jq'), run, apt('tool'), apt('libjq'), run],
    [lockedApt(jq), { kind: 'run' }, lockedApt(tool), lockedApt(libjq), { kind: 'run' }],
    [jq, tool],
  )
  expect(states).toEqual(['in-0', 'in-2', 'in-2 tool'])
  expect(events).toEqual(['open 0', 'close 0', 'open 2', 'close 2'])
})

test('so it is behind packages that bring settings of apt', async () => {
  const { states, events } = await statesBefore(
    [apt('jq'), apt('settings'), apt('libjq'), apt('tool')],
    [lockedApt(jq), lockedApt(settings), lockedApt(libjq), lockedApt(tool)],
    [jq, settings, libjq],
  )
  expect(states).toEqual(['in-0', 'in-0 jq', 'in-2', 'in-2 libjq'])
  expect(events).toEqual(['open 0', 'close 0', 'open 2', 'close 2'])
})
