import { createHash, randomUUID } from 'node:crypto'
import { readFile, rm, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { describe, expect, onTestFinished, test } from 'vitest'
import type { AuditReport } from '../src/audit/audit-report.ts'
import { parseLock } from '../src/lock/parse-lock.ts'
import type { PythonFile } from '../src/lock/schema.ts'
import { NIGHTLY } from './support/nightly.ts'
import { makeProject, put } from './support/project.ts'
import { stillroom, stillroomJson } from './support/stillroom.ts'
import { type FileServer, startFileServer } from './world/file-server.ts'
import { admit, secretForms } from './world/login.ts'
import { startLoopbackServer } from './world/loopback-server.ts'
import { type PackageIndex, startIndex } from './world/package-index.ts'
import { type Distribution, makeSdist, makeWheel } from './world/python-distributions.ts'

const sha256 = (bytes: Uint8Array) => createHash('sha256').update(bytes).digest('hex')
const from = (place: string, name: string) => ({ [`${name.replaceAll('-', '_')}.py`]: `FROM = '${place}'\n` })

/** An index, another one that has more of the same names, and a server of files. */
interface Servers {
  index: PackageIndex
  other: PackageIndex
  files: FileServer
}

async function startServers(): Promise<Servers> {
  const [index, other, files] = await Promise.all([startIndex(), startIndex(), startFileServer()])
  onTestFinished(async () => void (await Promise.all([index.close(), other.close(), files.close()])))
  return { index, other, files }
}

/** A wheel that has a file of every kind that the format knows, some under odd names. */
function oddWheel(): Distribution {
  return makeWheel({
    name: 'h3-odd',
    version: '1!2.0.post1+local.7',
    tags: '5-py2.py3-none-any',
    isPure: false,
    files: {
      'h3_ns/odd/__init__.py': 'def main():\n    print("odd")\n',
      'h3_ns/odd/ünï côdé.txt': 'text\n',
      'h3_ns/odd/a, "quoted".txt': 'text\n',
      'h3_ns/odd/empty': '',
      'h3_ns/odd/program.sh': '#!/bin/sh\n',
      'h3_ns/odd/link': '../../elsewhere',
      'h3_ns/odd/unhashed.txt': 'text\n',
    },
    modes: {
      'h3_ns/odd/program.sh': 0o100755,
      'h3_ns/odd/link': 0o120777,
      'data/scripts/h3-python': 0o100755,
      'data/scripts/h3-pythonw': 0o100755,
      'data/scripts/h3-plain': 0o100755,
    },
    unhashed: ['h3_ns/odd/unhashed.txt'],
    data: {
      'headers/odd/odd.h': '#define ODD\n',
      'scripts/h3-python': '#!python -E\nprint("python")\n',
      'scripts/h3-pythonw': '#!pythonw\nprint("pythonw")\n',
      'scripts/h3-plain': '#!/bin/sh\necho plain\n',
      'scripts/h3-odd': '#!python\nprint("pip makes its own")\n',
      'data/share/h3/data.txt': 'data\n',
      'data/man/man1/h3.1': '.TH h3 1\n',
      'data/etc/h3.conf': 'x\n',
      'data/lib/h3/lib.txt': 'x\n',
      'purelib/h3_pure.py': 'PURE = True\n',
      'platlib/h3_plat.py': 'PLAT = True\n',
    },
    info: {
      'entry_points.txt':
        '[console_scripts]\nh3-odd = h3_ns.odd:main\nh3.extra=h3_ns.odd:main [all]\n\n[gui_scripts]\nh3-gui = h3_ns.odd:main\n\n[h3.plugins]\nx = h3_ns.odd\n',
      INSTALLER: 'somebody\n',
      'licenses/LICENSE': 'free\n',
    },
  })
}

async function fill({ index, other, files }: Servers): Promise<void> {
  const direct = makeWheel({ name: 'h3-dpp', version: '1.0', files: from('direct', 'h3-dpp') })
  files.put(`/wheels/${direct.file}`, direct.bytes)
  const archive = await makeSdist({ name: 'h3-archive', version: '2.0', files: from('direct', 'h3-archive') })
  files.put('/team/archive/v2.0.tar.gz', archive.bytes)
  const address = `${files.url}/wheels/${direct.file}`
  index.add(
    makeWheel({ name: 'h3-cab', version: '2026.1.5', written: '2026.01.05' }),
    makeWheel({
      name: 'h3-apq',
      version: '1.0',
      requires: [`h3-dpp @ ${address}#sha256=${sha256(direct.bytes)}`],
    }),
    // what somebody else could put there
    makeWheel({ name: 'h3-dpp', version: '1.0', files: from('index', 'h3-dpp') }),
    makeWheel({ name: 'h3-archive', version: '2.0', files: from('index', 'h3-archive') }),
    await makeSdist({ name: 'h3-sd', version: '1.0b0', written: '1.0-beta', stem: 'h3-sd-1.0-beta' }),
    await makeSdist({ name: 'H3.Dotted', version: '1.0', stem: 'H3.Dotted-1.0' }),
    oddWheel(),
    makeWheel({ name: 'h3-cpu', version: '1.0', files: from('index', 'h3-cpu') }),
    makeWheel({ name: 'h3-cpu', version: '3.0', files: from('index', 'h3-cpu') }),
    makeWheel({ name: 'h3-listed', version: '1.0' }),
    makeWheel({ name: 'h3-listed', version: '2.0' }),
    makeWheel({ name: 'h3-windows', version: '1.0' }),
  )
  other.add(
    makeWheel({ name: 'h3-cpu', version: '1.0', files: from('other', 'h3-cpu'), requires: ['h3-listed'] }),
    // more than what is asked for there
    makeWheel({ name: 'h3-listed', version: '9.0' }),
  )
}

const recipeOn = (
  suite: string,
  { files, other }: Servers,
) => `import { apt, debian, defineRecipe, pip, requirementsFile, run } from 'stillroom'
const prints = (code, expect) => ({ name: code, command: ['python3', '-c', code], expect })
export default defineRecipe({
  base: debian('${suite}'),
  steps: [
    apt(['python3', 'python3-pip']),
    pip(
      [
        'h3-cab',
        'h3-apq',
        'h3-archive @ ${files.url}/team/archive/v2.0.tar.gz',
        'h3-sd==1.0b0',
        'h3_dotted',
        'h3.odd',
        { requirement: 'h3-cpu', index: '${other.url}/simple' },
        requirementsFile('requirements.txt'),
      ],
      { sdists: { 'h3-archive': [], 'h3-sd': [], 'h3-dotted': [] } },
    ),
    // its byte code is made again: Python would go on with what it was
    run('sed -i s/True/None/ /usr/local/lib/python3*/dist-packages/h3_pure.py'),
  ],
  checks: [
    prints('import importlib.metadata as m; print(m.version("h3-cab"))', '2026'),
    prints('import h3_dpp; print(h3_dpp.FROM)', 'direct'),
    prints('import h3_archive; print(h3_archive.FROM)', 'direct'),
    prints('import h3_cpu; print(h3_cpu.FROM)', 'other'),
    prints('import importlib.metadata as m; print(m.version("h3-listed"))', '1.0'),
    prints('import h3_pure; print(h3_pure.PURE)', 'None'),
    prints('import h3_ns.odd, h3_pure, h3_plat; h3_ns.odd.main()', 'odd'),
    { name: 'scripts', command: ['sh', '-c', 'h3-odd && h3.extra && h3-gui && h3-plain && h3-python && h3-pythonw'] },
    { name: 'pip', command: ['python3', '-m', 'pip', 'freeze'], expect: 'h3-dpp @ ${files.url}' },
  ],
  tasks: { odd: { command: ['h3-odd'] } },
})
`

describe('Python distributions of every kind', () => {
  // every pip that Debian has at night
  const suites = NIGHTLY ? ['bullseye', 'bookworm', 'trixie'] : ['bookworm']
  test.each(suites)(
    'are locked as the pip of %s takes them, built, audited clean, and built to the same bytes',
    async (suite) => {
      const servers = await startServers()
      await fill(servers)
      const directory = await makeProject({
        'recipes/kinds/recipe.ts': recipeOn(suite, servers),
        'recipes/kinds/requirements.txt':
          '-r more/listed.txt\nh3-windows ; sys_platform == "win32"\n--constraint constraints.txt\n',
        'recipes/kinds/more/listed.txt': 'h3-listed>=1 # any\n',
        'recipes/kinds/constraints.txt': 'H3_Listed<2\n',
      })
      const options = { env: { PIP_INDEX_URL: `${servers.index.url}/simple`, PIP_EXTRA_INDEX_URL: '' } }
      const run = async (...args: string[]) => {
        const outcome = await stillroom(directory, args, options)
        expect(outcome, `${outcome.stdout}\n${outcome.stderr}`).toMatchObject({ exitCode: 0 })
        return outcome
      }
      await run('lock', 'recipe', 'kinds')
      const path = join(directory, 'recipes/kinds/lock.json')
      const readFiles = async () => {
        const { platforms } = parseLock(await readFile(path, 'utf8'), path)
        const steps = platforms['linux/amd64']?.steps ?? []
        return new Map(
          steps.flatMap((step) => (step.kind === 'pip' ? step.files : [])).map((file) => [file.name, file]),
        )
      }
      const files = await readFiles()
      expect([...files.keys()]).toEqual(
        ['apq', 'archive', 'cab', 'cpu', 'dotted', 'dpp', 'listed', 'odd', 'sd'].map((name) => `h3-${name}`),
      )
      const pinned = (name: string): Partial<PythonFile> => files.get(name) ?? {}
      expect(pinned('h3-cab')).toMatchObject({
        version: '2026.01.05',
        file: 'h3_cab-2026.1.5-py3-none-any.whl',
      })
      expect(pinned('h3-dpp').url).toBe(`${servers.files.url}/wheels/h3_dpp-1.0-py3-none-any.whl`)
      expect(pinned('h3-archive')).toMatchObject({
        file: 'h3-archive-2.0.tar.gz',
        url: `${servers.files.url}/team/archive/v2.0.tar.gz`,
      })
      expect(pinned('h3-cpu')).toMatchObject({ version: '1.0', index: `${servers.other.url}/simple` })
      expect(pinned('h3-sd').file).toBe('h3-sd-1.0-beta.tar.gz')
      expect([pinned('h3-listed').version, pinned('h3-listed').index]).toEqual(['1.0', undefined])

      await run('build', 'recipe', 'kinds')
      const report = await stillroomJson<AuditReport>(directory, ['audit', 'recipe', 'kinds'], options)
      expect(report.findings).toEqual([])
      expect(report.files.unexplained).toEqual([])
      const { stdout } = await run('build', 'recipe', 'kinds', '--no-cache')
      expect(stdout).toMatch(/verdict\s+identical/)
      await run('run', 'recipe', 'kinds', 'odd')

      // a file that the recipe names makes the lock stale; the rest stays
      await writeFile(join(directory, 'recipes/kinds/constraints.txt'), 'h3-listed>=2\n')
      const stale = await stillroom(directory, ['build', 'recipe', 'kinds'], options)
      expect(stale).toMatchObject({
        exitCode: 2,
        stderr: expect.stringContaining('files["constraints.txt"]'),
      })
      expect(await stillroom(directory, ['run', 'recipe', 'kinds', 'odd'], options)).toMatchObject({
        exitCode: 2,
        stderr: expect.stringContaining('files["constraints.txt"]'),
      })
      servers.index.add(makeWheel({ name: 'h3-apq', version: '2.0' }))
      await run('lock', 'recipe', 'kinds')
      const moved = await readFiles()
      expect(moved.get('h3-listed')?.version).toBe('2.0')
      moved.delete('h3-listed')
      files.delete('h3-listed')
      expect(moved).toEqual(files)
    },
  )
})

test.each(['html', 'json'] as const)(
  'a lock by what wheels say is the same as one by the indexes themselves, and fetches what is taken alone: %s',
  async (form) => {
    const login = { user: 'me', password: 's3cret' }
    const [index, other] = await Promise.all([startIndex({ login }), startIndex()])
    onTestFinished(async () => void (await Promise.all([index.close(), other.close()])))
    // bytes that no store has
    const files = { 'h3_new.py': `NEW = '${randomUUID()}'\n` }
    const wheel = (name: string, version: string, ...requires: string[]) =>
      makeWheel({ name, version, requires, files })
    index.add(
      wheel('h3-top', '1.0', 'h3-mid', 'h3-low>=2', 'h3-fast', 'h3-marked; python_version < "3"'),
      // newer ones of it do not go with the others
      wheel('h3-mid', '1.0', 'h3-low'),
      wheel('h3-mid', '2.0', 'h3-low<2'),
      wheel('h3-mid', '3.0', 'h3-low<2'),
      wheel('h3-low', '1.0'),
      wheel('h3-low', '2.0'),
      makeWheel({ name: 'h3-low', version: '2.1', requiresPython: '>=4' }),
      wheel('h3-low', '2.2'),
      wheel('h3-low', '3.0rc1'),
      makeWheel({ name: 'h3-low', version: '9.0', tags: 'cp311-cp311-win_amd64' }),
      makeWheel({ name: 'h3-low', version: '9.1', tags: 'cp36-cp36m-manylinux1_x86_64' }),
      wheel('h3-fast', '1.0'),
      await makeSdist({ name: 'h3-fast', version: '2.0' }),
      await makeSdist({ name: 'h3-made', version: '1.0', requires: ['h3-low'] }),
    )
    index.yank('h3_low-2.2-py3-none-any.whl', 'wrong')
    index.hide('h3_mid-2.0-py3-none-any.whl')
    other.add(wheel('h3-fast', '1.5+local.1'))
    for (const each of [index, other]) each.speak(form)
    const directory = await makeProject({
      'recipes/wheels/recipe.ts': `import { apt, debian, defineRecipe, pip } from 'stillroom'
export default defineRecipe({
  base: debian('bookworm'),
  steps: [apt(['python3', 'python3-pip', 'python3-setuptools']), pip(['h3-top', 'h3-made'], { sdists: { 'h3-made': [] } })],
})\n`,
    })
    const path = join(directory, 'recipes/wheels/lock.json')
    const lock = async (env: Record<string, string>) => {
      const indexes = {
        PIP_INDEX_URL: `http://${login.user}:${login.password}@${index.host}/simple`,
        PIP_EXTRA_INDEX_URL: `${other.url}/simple`,
      }
      const options = { env: { ...indexes, ...env } }
      const { exitCode, stderr } = await stillroom(directory, ['lock', 'recipe', 'wheels'], options)
      expect(exitCode, stderr).toBe(0)
      expect(stderr).not.toContain('the indexes themselves')
      const text = await readFile(path, 'utf8')
      await rm(path)
      return text
    }
    const relayed = await lock({})
    const whole = index.asked().filter((each) => each.endsWith('.whl'))
    // one has no METADATA beside it
    const taken = ['h3_low-2.0', 'h3_mid-1.0', 'h3_mid-2.0', 'h3_top-1.0']
    expect([...new Set(whole.map((each) => each.replace(/^.*\//, '')))].sort()).toEqual(
      taken.map((each) => `${each}-py3-none-any.whl`),
    )
    // pip asks a host that it is to trust by itself
    expect(await lock({ PIP_TRUSTED_HOST: 'nobody.example.org' })).toBe(relayed)
    expect(relayed).toContain('h3_fast-1.5+local.1')
  },
)

describe('lock recipe refuses', () => {
  test('what no file can be pinned of, and one package in two steps, before anything is built', async () => {
    const servers = await startServers()
    const { index } = servers
    const source = await makeSdist({ name: 'h3-source', version: '2.0' })
    index.add(
      makeWheel({ name: 'h3-six', version: '1.15.0' }),
      makeWheel({ name: 'h3-six', version: '1.16.0' }),
      makeWheel({ name: 'h3-git', version: '1.0', requires: [`h3-hub @ git+${servers.files.url}/hub.git`] }),
      makeWheel({ name: 'h3-hub', version: '1.0' }),
      makeWheel({ name: 'h3-source', version: '1.0' }),
      source,
    )
    servers.files.put('/x/h3-source.tar.gz', source.bytes)
    const steps: Record<string, string> = {
      twice: `pip(['h3-six==1.15.0']), pip(['h3-six==1.16.0'])`,
      git: `pip(['h3-git'])`,
      source: `pip(['h3-source==2.0'])`,
      address: `pip(['h3-source @ ${servers.files.url}/x/h3-source.tar.gz'])`,
    }
    const directory = await makeProject({})
    for (const [name, text] of Object.entries(steps))
      await put(
        directory,
        `recipes/${name}/recipe.ts`,
        `import { apt, debian, defineRecipe, pip } from 'stillroom'
export default defineRecipe({ base: debian('bookworm'), steps: [apt(['python3', 'python3-pip']), ${text}] })\n`,
      )
    const options = { env: { PIP_INDEX_URL: `${index.url}/simple`, PIP_EXTRA_INDEX_URL: '' } }
    const refused = async (name: string) => {
      const { stdout } = await stillroom(directory, ['lock', 'recipe', name, '--json'], options)
      return JSON.parse(stdout).error
    }
    expect(await refused('twice')).toMatchObject({
      code: 'PIP_REPLACES',
      message: expect.stringContaining('h3-six 1.15.0 of pip-2 is replaced by 1.16.0 in pip-3'),
      hint: expect.stringContaining("put the requirements of pip-3 into pip-2; or set layout: 'flat'"),
    })
    expect(await refused('git')).toMatchObject({
      code: 'PIP_SOURCE_REFUSED',
      message: expect.stringMatching(/h3-hub|git/),
    })
    // both are refused by the same rule: one is enough by day
    for (const name of NIGHTLY ? ['source', 'address'] : ['address'])
      expect(await refused(name)).toMatchObject({
        code: 'PIP_PACKAGE_UNKNOWN',
        hint: expect.stringContaining(`sdists: { "h3-source": ['setuptools', 'wheel'] }`),
      })
  })
})

test('a login of an index stays there when the index leads to another server', async () => {
  const login = { user: 'me', password: 'correct-horse-battery' }
  const seen: string[] = []
  const index = await startIndex()
  onTestFinished(() => index.close())
  index.add(makeWheel({ name: 'h3-moved', version: '1.0' }))
  // between pip and the index that is led to
  const elsewhere = await startLoopbackServer((request, response) => {
    seen.push(JSON.stringify({ url: request.url, headers: request.headers }))
    const forward = { headers: { accept: request.headers.accept ?? '*/*' } }
    fetch(`${index.url}${request.url}`, forward)
      .then(async (answer) => {
        const type = answer.headers.get('content-type') ?? 'text/plain'
        response
          .writeHead(answer.status, { 'content-type': type })
          .end(Buffer.from(await answer.arrayBuffer()))
      })
      .catch(() => response.destroy())
  })
  const first = await startLoopbackServer((request, response) => {
    if (!admit(request, response, login)) return
    response.writeHead(302, { location: `${elsewhere.url}${request.url}` }).end()
  })
  onTestFinished(async () => void (await Promise.all([elsewhere.close(), first.close()])))
  const directory = await makeProject({
    'recipes/moved/recipe.ts': `import { apt, debian, defineRecipe, pip } from 'stillroom'
export default defineRecipe({ base: debian('bookworm'), steps: [apt(['python3', 'python3-pip']), pip(['h3-moved'])] })
`,
  })
  const url = first.url.replace('://', `://${login.user}:${login.password}@`)
  const env = { PIP_INDEX_URL: `${url}/simple`, PIP_EXTRA_INDEX_URL: '' }
  const outcome = await stillroom(directory, ['lock', 'recipe', 'moved'], { env })
  expect(outcome, outcome.stderr).toMatchObject({ exitCode: 0 })
  expect(seen.length).toBeGreaterThan(0)
  expect(secretForms(login).filter((secret) => seen.some((text) => text.includes(secret)))).toEqual([])
})
