import { mkdir, mkdtemp, readFile, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { execa } from 'execa'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import type { BuildReport } from '../src/report/build-report.ts'
import type { AdoptedImage } from '../src/workflows/adopt/adopt-image.ts'
import { findSecrets, imagePlaces } from './support/find-secrets.ts'
import { NIGHTLY } from './support/nightly.ts'
import { ownName } from './support/own-name.ts'
import { commitAll, fillProject, put } from './support/project.ts'
import { type Outcome, stillroom } from './support/stillroom.ts'
import { makeBaseImage } from './world/base-image.ts'
import { canHaveWorld } from './world/can-have-world.ts'
import { CERTIFICATES } from './world/client-settings.ts'
import { EXPERIMENT, tinyImage } from './world/contents.ts'
import { startWorld, type World } from './world/world.ts'

/*
 * An image as the seed's author made his: a container of a registry's image, in which things were typed; committed, saved. Then
 * the sources move. The tests go on where the one before ended.
 */

const possible = await canHaveWorld()
const isRun = NIGHTLY && possible === true
if (possible !== true) console.warn(`skipped: adopting an image made by hand, since ${possible}`)
else if (!NIGHTLY)
  console.warn('skipped: adopting an image made by hand, which is built three times, at night')

const NAME = ownName('adopted')
const OLD = `${ownName('by-hand')}:v1`
const BASE = 'fenicsproject/stable'
/** What is in the image, and must be in nothing that is written. */
const TYPED_SECRETS = ['s3cr3t-in-netrc', 'variable-of-a-token', 'AKIAABCDEFGHIJKLMNOP']

/** When packages were installed, by the image: on the first day of the world's archive. */
const DAY = '2024-01-20T00:00:00Z'

let world: World
let root: string
let project: string
let tar: string
let env: Record<string, string>
let adopted: AdoptedImage
/** By its digest, as the tag moves. */
let base: string

/** What is typed as root, with apt, pip and a clone that came with its login. */
const typed = () => `set -e
apt-get -q -o Acquire::https::CaInfo=/run/ca.pem -o APT::Sandbox::User=root update
apt-get -q -y -o Acquire::https::CaInfo=/run/ca.pem -o APT::Sandbox::User=root install widget
python3 -m pip install -q tiny-numbers==1.0
cp -R /run/experiment /home/fenics/experiment
echo 'print("changed by hand")' >> /home/fenics/experiment/train.py
echo results > /home/fenics/experiment/results.txt
chown -R fenics: /home/fenics
useradd --uid 1500 --create-home other
echo 'ulimit -s unlimited' >> /etc/bash.bashrc
rm -r /usr/share/python3
echo 'machine example.org login me password ${TYPED_SECRETS[0]}' > /root/.netrc
echo 'KEY=${TYPED_SECRETS[2]}' > /home/fenics/settings.sh
echo '${TYPED_SECRETS[0]}' > /root/.bash_history
printf '#!/bin/sh\\nexec widget\\n' > /usr/local/bin/start
chmod 755 /usr/local/bin/start
rm -r /run/experiment /run/ca.pem
find /var/lib/dpkg/info -name '*.list' -exec touch -d ${DAY} {} +`

beforeAll(async () => {
  if (!isRun) return
  world = await startWorld()
  root = await mkdtemp(join(tmpdir(), 'stillroom-adopt-image-'))
  project = join(root, 'project')
  tar = join(root, 'old.tar')
  await mkdir(project)
  await fillProject(project, {
    'stillroom.config.ts': `export default { sources: { ca: '${world.authority.caFile}' } }\n`,
  })
  const unset = Object.fromEntries([...CERTIFICATES, 'STILLROOM_CACHE'].map((name) => [name, '']))
  env = { ...world.env, ...unset, XDG_CACHE_HOME: join(root, 'cache') }
  const sources = ['debian bookworm', 'debian-security bookworm-security']
    .map((place) => `deb ${world.front.apt.url}/${place} main\n`)
    .join('')
  const { image, remove } = await makeBaseImage({ key: world.apt.key, sources })
  await world.registry.push(image, BASE, '2019.1.0').finally(remove)
  base = `${world.front.registry.host}/${BASE}@${image.digest}`
  await makeByHand()
  await world.move.tagPushedAgain(await tinyImage('2.0'), BASE, '2019.1.0')
  world.move.packageUpdated()
  await world.git.commit(EXPERIMENT, { 'train.py': 'print("other")\n' })
}, 300_000)
afterAll(async () => {
  if (!isRun) return
  await execa('docker', ['rm', '--force', container()], { reject: false })
  const tags = [OLD, `stillroom/${NAME}`, base]
  await execa('docker', ['image', 'rm', '--force', ...tags], { reject: false })
  await world.close()
  await rm(root, { recursive: true, force: true })
})

const container = () => OLD.replace(':', '-')

async function makeByHand(): Promise<void> {
  const docker = (...words: string[]) => execa('docker', words, { env: world.env })
  const { index, git } = world.logins
  const clone = join(root, 'experiment')
  const url = new URL(`${world.front.git.url}/${EXPERIMENT}.git`)
  await execa('git', ['clone', '--quiet', url.href, clone], { env: world.env })
  url.username = git.user
  url.password = git.password
  await execa('git', ['-C', clone, 'remote', 'set-url', 'origin', url.href])
  const pip = `https://${index.user}:${index.password}@${world.front.index.host}/simple/`
  await docker('pull', '--quiet', base)
  await docker(
    'run',
    '--detach',
    '--name',
    container(),
    '--user',
    '0',
    '--network',
    'host',
    base,
    '--',
    'sleep',
    'infinity',
  )
  await docker('cp', world.authority.caFile, `${container()}:/run/ca.pem`)
  await docker('cp', clone, `${container()}:/run/experiment`)
  const settings = {
    PIP_INDEX_URL: pip,
    PIP_CERT: '/run/ca.pem',
    HOME: '/root',
    DEBIAN_FRONTEND: 'noninteractive',
  }
  const given = Object.entries(settings).flatMap(([name, value]) => ['--env', `${name}=${value}`])
  await docker('exec', ...given, container(), 'sh', '-c', typed())
  const changes = [
    'ENV MODE=fast',
    `ENV API_TOKEN=${TYPED_SECRETS[1]}`,
    'WORKDIR /home/fenics/experiment',
    'EXPOSE 9000',
    'CMD ["start"]',
  ]
  await docker('commit', ...changes.flatMap((change) => ['--change', change]), container(), OLD)
  await docker('save', '--output', tar, OLD)
}

const run = (args: string[], more: Record<string, string> = {}): Promise<Outcome> =>
  stillroom(project, args, { env: { ...env, ...more } })

describe.skipIf(!isRun)('an image made by hand', () => {
  test('becomes a recipe, nearly all of whose image is the same by what the lock names', async () => {
    const outcome = await run(['adopt', 'image', tar, NAME, '--base', base, '--json'])
    expect(outcome.exitCode, outcome.stderr + outcome.stdout).toBe(0)
    adopted = JSON.parse(outcome.stdout) as AdoptedImage
    const { comparison } = adopted
    if (comparison === null) throw new Error('nothing was built')
    const { equal, explained, unknown } = comparison.shares
    expect(unknown, JSON.stringify(comparison.unknown)).toMatchObject({ files: 0 })
    expect(equal.share + explained.share).toBeGreaterThan(0.99)
    expect(comparison.carried.map(({ path }) => path)).toEqual(
      expect.arrayContaining([
        '/etc/bash.bashrc',
        '/home/fenics/experiment/results.txt',
        '/home/fenics/experiment/train.py',
        '/usr/local/bin/start',
      ]),
    )
    expect(comparison.withheld.map(({ path }) => path)).toEqual([
      '/home/fenics/experiment/.git/config',
      '/home/fenics/settings.sh',
      '/root/.netrc',
    ])
    expect(await readFile(join(project, `recipes/${NAME}/changes.patch`), 'utf8')).toContain(
      '+print("changed by hand")',
    )
    expect(adopted.notes.map(({ text }) => text).join('\n')).toContain('variable API_TOKEN is withheld')
    expect(adopted.notes.map(({ text }) => text).join('\n')).toContain('are those of 2024-01-20')
  }, 300_000)

  test('a container gives the same draft as the image that was made of it', async () => {
    const outcome = await run(['adopt', 'image', container(), `${NAME}-c`, '--base', base, '--no-build'])
    expect(outcome.exitCode, outcome.stderr + outcome.stdout).toBe(0)
    const source = (name: string) => readFile(join(project, `recipes/${name}/recipe.ts`), 'utf8')
    expect((await source(`${NAME}-c`)).match(/^ {4}(apt|pip|git)\(.*/gm)).toEqual(
      (await source(NAME)).match(/^ {4}(apt|pip|git)\(.*/gm),
    )
    await rm(join(project, `recipes/${NAME}-c`), { recursive: true })
  }, 120_000)

  test('has no credential in anything that was written, said or built', async () => {
    const places = {
      project: [join(project, 'recipes'), join(project, 'generated')],
      ...(await imagePlaces(`stillroom/${NAME}`, join(root, 'image'))),
    }
    await put(root, 'said', JSON.stringify(adopted))
    const secrets = [...world.secrets, ...TYPED_SECRETS]
    expect(
      await findSecrets({ ...places, said: [join(root, 'said')] }, secrets, join(root, 'patterns')),
    ).toEqual({})
  }, 120_000)

  test('is built again to the same bytes from what was committed', async () => {
    await commitAll(project)
    await execa('docker', ['image', 'rm', '--force', `stillroom/${NAME}`])
    const outcome = await run(['build', 'recipe', NAME, '--json'])
    expect(outcome.exitCode, outcome.stderr + outcome.stdout).toBe(0)
    const report = JSON.parse(outcome.stdout) as BuildReport
    expect(report).toMatchObject({ verdict: 'identical', image: { id: adopted.built?.id } })
    const { stdout } = await execa('docker', ['run', '--rm', `stillroom/${NAME}`])
    expect(stdout).toBe('widget 1.0')
  }, 120_000)
})
