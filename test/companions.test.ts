import { execFile } from 'node:child_process'
import { mkdir, mkdtemp, readFile, rm, symlink, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import { afterAll, beforeAll, expect, it } from 'vitest'
import { parseLock } from '../src/lock/parse-lock.ts'
import type { LockedPlatform } from '../src/lock/schema.ts'
import { Recipe } from '../src/recipe/schema.ts'
import { renderGenerated } from '../src/workflows/project/generated.ts'
import { ownName } from './support/own-name.ts'

const run = promisify(execFile)
const root = fileURLToPath(new URL('..', import.meta.url))
const words = ['-n', '', ' a  b ', '$HOME ${X:-y} `id`', '"\'\\', '<<EOF', '# é', '\\n']
const home = '/home/my "home"/$u'

const recipe = Recipe.parse({
  base: { kind: 'debian', suite: 'bookworm' },
  steps: [
    { kind: 'project', path: 'project', to: `${home}/- p/q \\` },
    {
      kind: 'run',
      command: ['sh', '-c', 'for word; do printf "%s\\0" "$word"; done > /opt/words', 'sh', ...words],
    },
    {
      kind: 'run',
      command: `cd /opt
mkdir -p -- "-d/new
line"
echo a > "-d/new
line/ b "
ln -s "$(printf 'to\\nnowhere')" "./-d/link"
ln -- "./-d/new
line/ b " ./hard
mkfifo fifo
chmod 4755 hard
echo changed >> /etc/issue
mkdir -m 1777 /opt/sticky
chown 1000:1000 /opt/sticky
echo temporary > /tmp/gone
`,
    },
    // directories that are new as a whole, programs in one of them, and names of one with every byte that a name may have
    {
      kind: 'run',
      command: `mkdir -p /opt/new/deep/er /opt/tools /usr/share/new "/opt/$(printf 'key\\001/in/it')" /usr/include/new
echo a > /opt/new/deep/er/file
ln /opt/new/deep/er/file /opt/linked
ln -s er /opt/new/deep/to
touch -d @1000 /opt/new/deep/er/file /opt/new/deep
for each in tar mv xargs; do cp "$(command -v $each)" /opt/tools/; ln -s /opt/tools/$each /usr/local/sbin/$each; done
echo b > "/opt/$(printf 'key\\001/in/it/file')"
`,
    },
    {
      kind: 'run',
      command: 'mkdir -p /srv/a/b; echo c > /srv/a/b/c; touch -d @2000 /srv/a/b /srv/a; chmod 2750 /srv/a',
    },
    // words that a shell or layer.sh would take for its own
    { kind: 'run', command: ['env', 'A=b', 'sh', '-c', 'echo "$A" > /opt/a && echo top > /top'] },
    // nothing that an image would show
    {
      kind: 'run',
      command: 'touch /opt; echo temporary > /tmp/gone; chmod 755 /usr; chmod 700 /usr; chmod 755 /usr',
    },
  ],
  user: { name: 'hello', uid: 1000, home },
  workdir: `${home}/a b/c`,
  shared: '/srv/x/shared',
  volumes: ['/srv/data $1'],
})

let repository: string
let pins: LockedPlatform
beforeAll(async () => {
  repository = await mkdtemp(join(tmpdir(), 'stillroom-companions-'))
  const project = join(repository, 'project')
  await mkdir(join(project, ' d\n"e"'), { recursive: true })
  await writeFile(join(project, '-rf'), 'a\n')
  await writeFile(join(project, ' d\n"e"/$f'), 'b\n', { mode: 0o755 })
  await symlink('/etc/shadow', join(project, 'link'))
  const git = (...args: string[]) =>
    run('git', ['-C', repository, '-c', 'user.name=a', '-c', 'user.email=a@b', ...args])
  await git('init', '--quiet')
  await git('add', '.')
  await git('commit', '--quiet', '--message=a')
  const [commit = '', tree = ''] = (await git('rev-parse', 'HEAD', 'HEAD:project')).stdout.trim().split('\n')
  const lock = parseLock(
    await readFile(join(root, 'recipes/hello/lock.json'), 'utf8'),
    'recipes/hello/lock.json',
  )
  const hello = lock.platforms['linux/amd64']
  if (hello === undefined) throw new Error('hello is not locked')
  pins = {
    ...hello,
    image: null,
    steps: [
      { kind: 'project', commit, tree },
      ...recipe.steps.slice(1).map(() => ({ kind: 'run' as const })),
    ],
  }
})
afterAll(async () => {
  await rm(repository, { recursive: true, force: true })
  for (const layout of ['layers', 'flat'] as const) {
    await run('docker', ['image', 'rm', '--force', tagOf(layout)]).catch(() => {})
  }
})

const tagOf = (layout: 'layers' | 'flat') => ownName(`stillroom-test/${layout}`)

async function build(layout: 'layers' | 'flat', script?: string): Promise<string> {
  const extra = script === undefined ? [] : [{ kind: 'run' as const, command: script }]
  const files = await renderGenerated(
    'test',
    { ...recipe, layout, steps: [...recipe.steps, ...extra] },
    {
      ...pins,
      steps: [...pins.steps, ...extra.map(() => ({ kind: 'run' as const }))],
    },
  )
  const context = join(repository, 'context')
  for (const [path, text] of files) {
    await mkdir(dirname(join(context, path)), { recursive: true })
    await writeFile(join(context, path), text, { mode: 0o755 })
  }
  await run(join(context, 'fetch.sh'), [], { cwd: context })
  const tag = tagOf(layout)
  const { stderr } = await run(
    'docker',
    [
      'buildx',
      'build',
      '--progress=plain',
      '--provenance=false',
      '--load',
      '--build-arg',
      `SOURCE_DATE_EPOCH=${pins.epoch}`,
      '--tag',
      tag,
      context,
    ],
    { maxBuffer: 1e8 },
  )
  // a warning of a program that collects a layer
  expect(stderr).not.toMatch(/ (tar|cp|find|sed): /)
  return tag
}

/** A line a path of the image: path, kind and mode, owner, time, target; what the engine mounts is left out. */
async function listTree(tag: string): Promise<Map<string, string>> {
  const print = `find / -xdev -mindepth 1 \\( -path /proc -o -path /sys -o -path /dev -o -path /.dockerenv -o -path /etc/hosts -o -path /etc/hostname -o -path /etc/resolv.conf -o -path /etc/mtab -o -path '/srv/data $1' \\) -prune -o -printf '%p\\t%M %U:%G %T@ %l\\0'`
  const { stdout } = await run(
    'docker',
    ['run', '--rm', '--network=none', '--user=0', tag, 'sh', '-c', print],
    { maxBuffer: 1e8 },
  )
  const lines = stdout
    .split('\0')
    .slice(0, -1)
    .map((line) => line.split('\t') as [string, string])
  // the engine has put files into it
  return new Map(lines.filter(([path]) => path !== '/etc').sort(([a], [b]) => (a < b ? -1 : 1)))
}

/** Paths of one layer as `docker save` gives them; directories end with a slash. */
async function membersOfLayer(tag: string, index: number): Promise<string[]> {
  const saved = join(repository, 'saved')
  await mkdir(saved, { recursive: true })
  await run('sh', ['-c', 'docker save "$1" | tar -xf - -C "$2"', 'sh', tag, saved])
  const [{ Layers: layers }] = JSON.parse(await readFile(join(saved, 'manifest.json'), 'utf8'))
  const { stdout } = await run('tar', ['-tf', join(saved, layers.at(index))])
  return stdout.split('\n').filter((line) => line !== '')
}

it('places every name, owner and mode, the same in layers and flat', async () => {
  const layers = await listTree(await build('layers'))
  const time = `${pins.epoch}.0000000000`
  const expected = {
    '/home': 'drwxr-xr-x 0:0',
    '/home/my "home"': 'drwxr-xr-x 0:0',
    [home]: 'drwxr-xr-x 1000:1000',
    [`${home}/a b`]: 'drwxr-xr-x 1000:1000',
    [`${home}/a b/c`]: 'drwxr-xr-x 1000:1000',
    [`${home}/- p`]: 'drwxr-xr-x 1000:1000',
    [`${home}/- p/q \\`]: 'drwxr-xr-x 1000:1000',
    [`${home}/- p/q \\/-rf`]: '-rw-r--r-- 1000:1000',
    [`${home}/- p/q \\/ d\n"e"/$f`]: '-rwxr-xr-x 1000:1000',
    [`${home}/- p/q \\/link`]: 'lrwxrwxrwx 1000:1000',
    '/etc/shadow': '-rw-r----- 0:42',
    '/srv/x': 'drwxr-xr-x 0:0',
    '/srv/x/shared': 'drwxr-xr-x 1000:1000',
    '/opt/-d/new\nline/ b ': '-rwsr-xr-x 0:0',
    '/opt/hard': '-rwsr-xr-x 0:0',
    '/opt/fifo': 'prw-r--r-- 0:0',
    '/opt/sticky': 'drwxrwxrwt 1000:1000',
    '/etc/issue': '-rw-r--r-- 0:0',
    '/top': '-rw-r--r-- 0:0',
    '/opt/new': 'drwxr-xr-x 0:0',
    '/opt/new/deep/er': 'drwxr-xr-x 0:0',
    '/opt/tools/tar': '-rwxr-xr-x 0:0',
    '/opt/key\x01/in/it': 'drwxr-xr-x 0:0',
    '/opt/key\x01/in/it/file': '-rw-r--r-- 0:0',
    '/usr/share/new': 'drwxr-xr-x 0:0',
    '/usr/include/new': 'drwxr-xr-x 0:0',
    '/srv/a/b/c': '-rw-r--r-- 0:0',
  }
  for (const [path, mode] of Object.entries(expected)) {
    expect(`${path}: ${layers.get(path)}`).toContain(`${path}: ${mode} ${time}`)
  }
  expect(layers.get('/opt/-d/link')).toMatch(/ to\nnowhere$/)
  expect(layers.get('/opt/new/deep')).toBe('drwxr-xr-x 0:0 1000.0000000000 ')
  expect(layers.get('/opt/linked')).toBe('-rw-r--r-- 0:0 1000.0000000000 ')
  expect(layers.get('/srv/a')).toBe('drwxr-s--- 0:0 2000.0000000000 ')
  expect(layers.get('/srv/a/b')).toBe('drwxr-xr-x 0:0 2000.0000000000 ')
  expect(layers.has('/tmp/gone')).toBe(false)
  expect(layers.has('/.stillroom')).toBe(false)
  const read = await run('docker', [
    'run',
    '--rm',
    '--network=none',
    tagOf('layers'),
    'sh',
    '-c',
    'cat /opt/words /opt/a; pwd; id -un',
  ])
  expect(read.stdout).toBe(`${words.map((word) => `${word}\0`).join('')}b\n${recipe.workdir}\nhello\n`)

  expect(await membersOfLayer(tagOf('layers'), -3)).toEqual(['opt/', 'opt/a', 'top'])
  expect(await membersOfLayer(tagOf('layers'), -2)).toEqual([])

  expect(await listTree(await build('flat'))).toEqual(layers)
})

it('refuses to delete what a lower layer holds, unless the layout is flat', async () => {
  const script = 'rm /etc/issue.net "/opt/-d/new\nline/ b "; rmdir /media; rmdir /mnt; ln -s /srv /mnt'
  const failed = await build('layers', script).catch((error: { stderr: string }) => error.stderr)
  expect(failed).toContain("set layout: 'flat' in the recipe")
  expect(failed).toContain('/etc/issue.net')
  const tree = await listTree(await build('flat', script))
  expect(tree.has('/etc/issue')).toBe(true)
  expect(tree.has('/etc/issue.net')).toBe(false)
  expect(tree.has('/media')).toBe(false)
  expect(tree.get('/mnt')).toMatch(/^lrwxrwxrwx 0:0 .* \/srv$/)
})
