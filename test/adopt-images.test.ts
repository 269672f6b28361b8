import { mkdir, mkdtemp, readFile, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { execa } from 'execa'
import { afterAll, beforeAll, expect, test } from 'vitest'
import type { RebuiltComparison } from '../src/adopt/image/compare-rebuilt.ts'
import type { AdoptedImage } from '../src/workflows/adopt/adopt-image.ts'
import { findSecrets, imagePlaces } from './support/find-secrets.ts'
import { NIGHTLY } from './support/nightly.ts'
import { ownName } from './support/own-name.ts'
import { fillProject, put } from './support/project.ts'
import { stillroom } from './support/stillroom.ts'

/*
 * Images made by hand in ten ways, on three suites of Debian, each with a login in it: a recipe is made of each, built, and
 * compared with it.
 */

const ROOT = join(import.meta.dirname, '..')
const SECRET = 's3cr3t-typed-by-hand'
/** What all of them have besides: settings of somebody's own, and a password that must be written nowhere. */
const TYPED_ALWAYS = `set -e
echo 'machine example.org login me password ${SECRET}' > /root/.netrc
echo '${SECRET}' > /root/.bash_history
echo 'ulimit -s unlimited' >> /etc/bash.bashrc
`

interface Way {
  name: string
  suite: 'bullseye' | 'bookworm' | 'trixie'
  typed: string
  /** `docker export` and `docker import` instead of `docker commit`. */
  isSquashed?: true
  /** What the recipe must say. */
  source: RegExp
}

const WAYS: Way[] = [
  {
    name: 'venv',
    suite: 'bookworm',
    typed: `python3 -m venv /opt/venv
/opt/venv/bin/pip install --no-index --find-links /run/wheels six tabulate`,
    source: /python3 -m venv[\s\S]*pip\(\[.*six==/,
  },
  {
    name: 'user-install',
    suite: 'bookworm',
    typed: `useradd --create-home --shell /bin/bash me
su me -c 'python3 -m pip install --user --break-system-packages --no-index --find-links /run/wheels tabulate'`,
    source: /pip\(\[.*tabulate==/,
  },
  {
    name: 'break-system-packages',
    suite: 'bookworm',
    typed: 'python3 -m pip install --break-system-packages --no-index --find-links /run/wheels six tabulate',
    source: /pip\(\[.*six==.*tabulate==/,
  },
  {
    name: 'several-pythons',
    suite: 'bookworm',
    typed: `cp /usr/bin/python3.11 /usr/local/bin/python3.11
python3 -m pip install --break-system-packages --no-index --find-links /run/wheels six
pypy3 -m venv --without-pip /opt/pypy
printf '#!/opt/pypy/bin/python\\nprint(6 * 7)\\n' > /usr/local/bin/answer
chmod 755 /usr/local/bin/answer`,
    source: /pypy3/,
  },
  {
    name: 'edited',
    suite: 'trixie',
    typed: `sed -i '1i # mine' /etc/debconf.conf
echo '127.0.0.1 database' >> /etc/hosts.mine
mkdir -p /etc/sysctl.d && echo 'net.ipv4.ip_forward=1' > /etc/sysctl.d/mine.conf
mkdir -p /srv/data && head -c 200000 /dev/zero > /srv/data/zeros`,
    source: /debian\('trixie'\)/,
  },
  {
    name: 'removed-docs',
    suite: 'trixie',
    typed: 'rm -r /usr/share/doc /usr/share/man /usr/share/locale',
    source: /debian\('trixie'\)/,
  },
  {
    name: 'compiled',
    suite: 'bookworm',
    typed: `mkdir /usr/local/src/answer && cd /usr/local/src/answer
printf 'int main(void) { return 42; }\\n' > answer.c
gcc -O2 -o /usr/local/bin/answer answer.c
gcc -shared -fPIC -o /usr/local/lib/libanswer.so answer.c && ldconfig`,
    source: /gcc/,
  },
  {
    name: 'editable',
    suite: 'bookworm',
    typed: `mkdir -p /opt/tool/tool && cd /opt/tool
printf 'def answer():\\n    return 42\\n' > tool/__init__.py
printf 'from setuptools import setup\\nsetup(name="tool", version="1.0", packages=["tool"])\\n' > setup.py
python3 -m pip install --break-system-packages --no-build-isolation --no-index --editable .`,
    source: /tool/,
  },
  {
    name: 'squashed',
    suite: 'bookworm',
    isSquashed: true,
    typed: `python3 -m pip install --break-system-packages --no-index --find-links /run/wheels tabulate
rm -r /usr/share/doc/*`,
    source: /pip\(\[.*tabulate==/,
  },
  {
    name: 'old-suite',
    suite: 'bullseye',
    typed: `python3 -m pip install --no-index --find-links /run/wheels six
useradd --create-home --uid 1500 old
ln -s /home/old /srv/old
update-alternatives --install /usr/bin/answer answer /bin/true 10`,
    source: /debian\('bullseye'\)/,
  },
]
const SUITES = {
  bullseye: "['python3', 'python3-pip', 'less']",
  bookworm:
    "['python3', 'python3-pip', 'python3-venv', 'python3-setuptools', 'python3-wheel', 'pypy3', 'pypy3-venv', 'gcc', 'libc6-dev', 'less']",
  trixie: "['python3-minimal', 'jq', 'less']",
}

if (!NIGHTLY) console.warn('skipped: adopting images made in ten ways, each built twice, at night')

let root: string
let project: string
const baseOf = (suite: string) => ownName(`by-hand-${suite}`)
const made: string[] = []

beforeAll(async () => {
  if (!NIGHTLY) return
  root = await mkdtemp(join(tmpdir(), 'stillroom-adopt-images-'))
  project = join(root, 'project')
  await mkdir(project)
  await fillProject(project, {})
  await execa('python3', [
    '-m',
    'pip',
    'download',
    '--quiet',
    '--dest',
    join(root, 'wheels'),
    'six',
    'tabulate',
  ])
}, 120_000)
afterAll(async () => {
  if (!NIGHTLY) return
  await execa('docker', ['rm', '--force', ...made], { reject: false })
  const tags = made.flatMap((name) => [`${name}:v1`, `stillroom/${name}`])
  const bases = Object.keys(SUITES).map((suite) => `stillroom/${baseOf(suite)}`)
  await execa('docker', ['image', 'rm', '--force', ...tags, ...bases], { reject: false })
  await rm(root, { recursive: true, force: true })
}, 120_000)

const run = async (...args: string[]) => {
  const outcome = await stillroom(project, args)
  expect(outcome.exitCode, outcome.stderr + outcome.stdout).toBe(0)
  return outcome.stdout
}

/** The image of a suite that things are typed into, built once. */
async function baseImage(suite: Way['suite']): Promise<string> {
  const name = baseOf(suite)
  const tag = `stillroom/${name}`
  const { exitCode } = await execa('docker', ['image', 'inspect', tag], { reject: false })
  if (exitCode === 0) return tag
  const source = `import { apt, debian, defineRecipe } from 'stillroom'
export default defineRecipe({ base: debian('${suite}'), steps: [apt(${SUITES[suite]})], cmd: ['sh'] })
`
  await put(project, `recipes/${name}/recipe.ts`, source)
  await run('lock', 'recipe', name)
  await run('build', 'recipe', name, '--no-audit')
  return tag
}

/** Types into a container of an image, and makes an image of it. */
async function makeByHand(
  name: string,
  image: string,
  { typed, isSquashed }: Pick<Way, 'typed' | 'isSquashed'>,
): Promise<string> {
  const docker = (...words: string[]) => execa('docker', words)
  const tag = `${name}:v1`
  made.push(name)
  const alone = ['--user', '0', '--network', 'none']
  await docker('create', '--name', name, ...alone, image, 'sleep', '3600')
  await docker('start', name)
  await docker('cp', join(root, 'wheels'), `${name}:/run/wheels`)
  await docker('exec', name, 'sh', '-c', `${TYPED_ALWAYS}${typed}\nrm -r /run/wheels`)
  if (isSquashed) {
    await docker('export', '--output', join(root, `${name}.tar`), name)
    await docker('import', '--change', 'CMD ["sh"]', join(root, `${name}.tar`), tag)
    await rm(join(root, `${name}.tar`))
  } else await docker('commit', name, tag)
  await docker('rm', '--force', name)
  return tag
}

/** Adopts an image: what matters in it is equal, explained or carried, and no login is anywhere. */
async function adopt(tag: string, name: string): Promise<RebuiltComparison> {
  const { comparison } = JSON.parse(await run('adopt', 'image', tag, name, '--json')) as AdoptedImage
  if (comparison === null) throw new Error('nothing was built')
  const { equal, explained, carried, unknown } = comparison.shares
  console.warn(`${name}: ${JSON.stringify({ equal, explained, carried, unknown })}`)
  expect(equal.share + explained.share).toBeGreaterThanOrEqual(0.99)
  expect(unknown, JSON.stringify(comparison.unknown)).toMatchObject({ files: 0 })
  expect(comparison.carried.map(({ path }) => path)).toContain('/etc/bash.bashrc')
  expect(comparison.withheld.map(({ path }) => path)).toContain('/root/.netrc')
  return comparison
}

test.runIf(NIGHTLY).each(WAYS)('an image made by hand: $name', async (way) => {
  const name = ownName(`adopted-${way.name}`)
  await adopt(await makeByHand(name, await baseImage(way.suite), way), name)
  const source = await readFile(join(project, `recipes/${name}/recipe.ts`), 'utf8')
  expect(source).toMatch(way.source)
  const saved = join(root, `saved-${way.name}`)
  const places = {
    project: [join(project, 'recipes', name), join(project, 'generated', name)],
    ...(await imagePlaces(`stillroom/${name}`, saved)),
  }
  expect(await findSecrets(places, [SECRET], join(root, 'patterns'))).toEqual({})
  await rm(saved, { recursive: true })
})

/** What the owner of the image may wait for, on a machine that does nothing else. */
const TEN_MINUTES = 600

test.runIf(NIGHTLY)(
  'an image of the size of fenics-tf is adopted within ten minutes',
  async () => {
    const built = await stillroom(ROOT, ['build', 'recipe', 'fenics-tf', '--no-audit'])
    expect(built.exitCode, built.stderr).toBe(0)
    const name = ownName('adopted-large')
    const tag = await makeByHand(name, 'stillroom/fenics-tf', { typed: '' })
    const started = performance.now()
    await adopt(tag, name)
    const seconds = (performance.now() - started) / 1000
    console.warn(`${name}: ${seconds.toFixed(0)} s`)
    expect(seconds).toBeLessThan(TEN_MINUTES)
  },
  1_800_000,
)
