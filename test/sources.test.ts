import { execFileSync } from 'node:child_process'
import { readFile, symlink, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { gzipSync } from 'node:zlib'
import { execa } from 'execa'
import { expect, onTestFinished, test } from 'vitest'
import type { BuildReport } from '../src/report/build-report.ts'
import { sha256 } from '../src/store/testing/make-artifact.ts'
import { temporaryDirectory } from '../src/store/testing/temporary-directory.ts'
import { ownName } from './support/own-name.ts'
import { makeProject, put } from './support/project.ts'
import { stillroom, stillroomJson } from './support/stillroom.ts'
import { type GitServer, startGitServer } from './world/git-server.ts'
import { startLoopbackServer } from './world/loopback-server.ts'
import { makeTar } from './world/make-tar.ts'

const LOGIN = { user: 'me', password: 'correct-horse-battery' }
const NAME = ownName('test-sources')
const TOOL = '/home/fenics/code/the tool'

const setup = (fields: string) => `from setuptools import setup\nsetup(${fields})\n`

async function fillRepositories(server: GitServer): Promise<void> {
  const part = await server.commit('part', { 'x.txt': 'part\n' })
  await server.commit('tool', {
    'setup.py': setup(
      "name='the_tool', version='0.5.1', packages=['tool'], install_requires=['six>=1.16'], extras_require={'x': ['cowsay==6.1']}, entry_points={'console_scripts': ['the-tool=tool:main']}",
    ),
    'tool/__init__.py': 'import six\ndef main(): print("tool", six.__version__)\n',
    'bin/go': { executable: '#!/bin/sh\necho go\n' },
    link: { link: 'bin/go' },
    '.gitattributes': '*.bin filter=lfs\n',
    'm.bin': server.keepLarge(Buffer.from('large content\n')),
    '.gitmodules': '[submodule "p"]\n\tpath = vendor/part\n\turl = ../part.git\n',
    'vendor/part': { commit: part },
  })
  await server.commit('plain', {
    'sub/dir/setup.py': setup(
      "name='plain', version='1.0', py_modules=['plain'], install_requires=['cowsay']",
    ),
    'sub/dir/plain.py': 'def f(): return 42\n',
    'other.txt': 'not here\n',
  })
}

/** Archives of each kind, and a file, by path. */
async function makeFiles(): Promise<Map<string, Buffer>> {
  const directory = await temporaryDirectory()
  const tar = await makeTar({
    'mesh-1/a.txt': 'mesh\n',
    'mesh-1/bin/go': { content: '#!/bin/sh\necho go\n', mode: 0o755 },
    'mesh-1/l': { link: 'a.txt' },
  })
  await put(directory, 'top/z.txt', 'zip\n')
  await symlink('z.txt', join(directory, 'top/link'))
  await writeFile(join(directory, 'mesh.tar'), tar)
  for (const command of [
    'tar -cJf z.tar.xz top',
    'tar -cjf z.tar.bz2 top',
    "python3 -c \"import zipfile; z = zipfile.ZipFile('z.zip', 'w'); z.write('top/z.txt'); i = zipfile.ZipInfo('top/link'); i.external_attr = 0o120777 << 16; z.writestr(i, 'z.txt')\"",
  ])
    execFileSync('sh', ['-c', command], { cwd: directory })
  const read = async (name: string): Promise<[string, Buffer]> => [
    `/${name}`,
    await readFile(join(directory, name)),
  ]
  return new Map([
    ['/mesh.tar.gz', gzipSync(tar)],
    ['/one.txt', Buffer.from('one\n')],
    ...(await Promise.all(['mesh.tar', 'z.tar.xz', 'z.tar.bz2', 'z.zip'].map(read))),
  ])
}

const recipe = (git: string, web: string) => `
import { apt, debian, defineRecipe, file, git, pip } from 'stillroom'
export default defineRecipe({
  base: debian('bullseye'),
  user: { name: 'fenics', uid: 1000, home: '/home/fenics' },
  steps: [
    apt(['python3', 'python3-pip']),
    git('${git}/tool.git', { ref: 'main', to: '${TOOL}', submodules: true, lfs: true }),
    git('${git}/plain.git', { ref: 'main', to: '/opt/plain', subdir: 'sub/dir' }),
    pip(['six==1.16.0'], { local: [{ path: '${TOOL}', editable: true, extras: ['x'] }, { path: '/opt/plain' }] }),
    file('${web}/mesh.tar.gz', { to: '/opt/mesh', unpack: true, strip: 1 }),
    file('${web}/mesh.tar', { to: '/home/fenics/data', unpack: true }),
    file('${web}/z.zip', { to: '/opt/zip', unpack: true, strip: 1 }),
    file('${web}/z.tar.xz', { to: '/usr/local/share', unpack: true }),
    file('${web}/z.tar.bz2', { to: '/opt/bz2', unpack: true }),
    file('${web}/one.txt', { to: '/usr/local/bin/one', mode: '0755', sha256: '${sha256(Buffer.from('one\n'))}' }),
  ],
  checks: [
    { name: 'editable', command: ['the-tool'], expect: 'tool 1.16.0' },
    { name: 'not editable', command: ['python3', '-c', 'import plain, cowsay; print(plain.__file__, plain.f())'], expect: 'dist-packages/plain.py 42' },
  ],
})
`

test('git repositories and downloads are locked, built, and built again to the same image when all servers are gone', async () => {
  const server = await startGitServer({ login: LOGIN })
  const files = await makeFiles()
  const web = await startLoopbackServer((request, response) => {
    const content = files.get(request.url ?? '')
    response.writeHead(content === undefined ? 404 : 200, { etag: '"1"' }).end(content)
  })
  const closeAll = async () => {
    await server.close()
    await web.close()
  }
  let open = true
  onTestFinished(async () => {
    if (open) await closeAll()
    await execa('docker', ['image', 'rm', '--force', `stillroom/${NAME}`])
  })
  await fillRepositories(server)
  const directory = await makeProject({ [`recipes/${NAME}/recipe.ts`]: recipe(server.url, web.url) })
  const env = { STILLROOM_GIT_TOKENS: `${server.url}/=${LOGIN.user}:${LOGIN.password}` }

  const locked = await stillroom(directory, ['lock', 'recipe', NAME], { env })
  expect(locked).toMatchObject({ exitCode: 0 })
  const first = await stillroomJson<BuildReport>(directory, ['build', 'recipe', NAME], { env })
  expect(first).toMatchObject({ verdict: 'recorded' })
  expect(first.checks.filter(({ passed }) => !passed)).toEqual([])

  await closeAll()
  open = false
  const again = await stillroomJson<BuildReport>(directory, ['build', 'recipe', NAME, '--no-cache'])
  expect(again).toMatchObject({ verdict: 'identical', unchanged: false, image: { id: first.image.id } })

  const run = async (script: string) => {
    const args = ['run', '--rm', '--network', 'none', `stillroom/${NAME}`, 'sh', '-c', script]
    return (await execa('docker', args)).stdout
  }
  expect(
    await run(
      `cd '${TOOL}' && cat m.bin vendor/part/x.txt && ./link && readlink link && stat -c '%U %a %n' . setup.py bin/go the_tool.egg-info && ls -A /opt/plain`,
    ),
  ).toBe(
    'large content\npart\ngo\nbin/go\nfenics 755 .\nfenics 644 setup.py\nfenics 755 bin/go\nfenics 755 the_tool.egg-info\nplain.py\nsetup.py',
  )
  const unpacked =
    "stat -c '%U %a %n' /opt/mesh/bin/go /home/fenics/data/mesh-1/a.txt /usr/local/share /usr/local/share/top/z.txt /opt/bz2/top/z.txt /opt/zip/z.txt /usr/local/bin/one; cat /opt/mesh/l /opt/zip/link /usr/local/bin/one"
  expect(await run(unpacked)).toBe(
    'fenics 755 /opt/mesh/bin/go\nfenics 644 /home/fenics/data/mesh-1/a.txt\nroot 755 /usr/local/share\nfenics 644 /usr/local/share/top/z.txt\nfenics 644 /opt/bz2/top/z.txt\nfenics 644 /opt/zip/z.txt\nfenics 755 /usr/local/bin/one\nmesh\nzip\none',
  )
  const origin = JSON.parse(await run('cat /usr/share/stillroom/git/git-2.json'))
  expect(origin).toMatchObject({ url: `${server.url}/tool.git`, ref: 'main', to: TOOL })
  expect(origin.submodules).toHaveLength(1)

  const lock = await readFile(join(directory, `recipes/${NAME}/lock.json`), 'utf8')
  for (const said of [lock, locked.stdout, locked.stderr, JSON.stringify(first)])
    expect(said).not.toContain(LOGIN.password)
})
