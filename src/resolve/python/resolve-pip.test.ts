import { describe, expect, test } from 'vitest'
import type { VersionConstraints } from '../../lock/plan-lock.ts'
import type { PipStep } from '../../recipe/schema.ts'
import { keepStub, type ReplayedSandbox, readRecorded, replay, SUITES } from '../recorded-sandbox.fixture.ts'
import type { FindKept } from './fetch-files.ts'
import { resolvePip } from './resolve-pip.ts'

const OF = {
  bullseye: { pip: '20.3.4', setuptools: '58.1.0' },
  bookworm: { pip: '23.0.1', setuptools: '68.0.0' },
  trixie: { pip: '25.1.1', setuptools: '80.9.0' },
}

const INDEX = 'https://me:s3cret@pypi.example.org/simple'

describe.each(SUITES)('resolvePip() by the pip of %s', async (suite) => {
  const { scenarios } = await readRecorded('python', suite)
  const { pip, setuptools } = OF[suite]
  const resolve = (
    sandbox: ReplayedSandbox,
    requirements: string[],
    {
      sdists = {},
      constraints,
      findKept,
    }: { sdists?: PipStep['sdists']; constraints?: VersionConstraints; findKept?: FindKept } = {},
  ) => {
    const settings = { 'index-url': INDEX }
    const environment = { HTTPS_PROXY: 'http://proxy.example.org' }
    const certificates = Buffer.from('trusted')
    const options = { sandbox, settings, environment, certificates, constraints, keep: keepStub, findKept }
    return resolvePip({ kind: 'pip', requirements, sdists }, options)
  }

  test('locks what pip installs, and names what is there already', async () => {
    const sandbox = replay(scenarios['a wheel, and one that is there'])
    const { files, provided, ...rest } = await resolve(sandbox, ['cowsay==6.1', 'wheel'])
    expect(files).toEqual([
      {
        name: 'cowsay',
        version: '6.1',
        file: 'cowsay-6.1-py3-none-any.whl',
        size: 25560,
        sha256: '274b1e6fc1b966d53976333eb90ac94cb07a450a700b455af9fbdf882244b30a',
      },
    ])
    // the wheel of trixie requires packaging
    const names = suite === 'trixie' ? ['packaging', 'wheel'] : ['wheel']
    expect(provided.map(({ name }) => name)).toEqual(names)
    expect(rest).toEqual({ kind: 'pip', pip, build: {}, local: [] })
    expect(sandbox.left()).toBe(0)
  })

  test('fetches no file again that is kept', async () => {
    const sandbox = replay(scenarios['a wheel, and one that is there'])
    const asked: string[] = []
    const findKept = async (name: string, file: string) => {
      asked.push(`${name} ${file}`)
      return { file, size: 7, sha256: 'a'.repeat(64) }
    }
    const { files } = await resolve(sandbox, ['cowsay==6.1', 'wheel'], { findKept })
    expect(files).toEqual([
      { name: 'cowsay', version: '6.1', file: asked[0]?.split(' ')[1], size: 7, sha256: 'a'.repeat(64) },
    ])
    expect(asked).toEqual(['cowsay cowsay-6.1-py3-none-any.whl'])
    // the download and the reading of what it gave
    expect(sandbox.left()).toBe(2)
  })

  test('fetches what is not kept, and a source distribution by its own name', async () => {
    const sandbox = replay(scenarios['a source distribution'])
    const asked: string[] = []
    const findKept = async (_: string, file: string) => void asked.push(file)
    const sdists = { docopt: [`setuptools==${setuptools}`, 'wheel==0.45.1'] }
    const { files } = await resolve(sandbox, ['docopt==0.6.2'], { sdists, findKept })
    expect(asked).toEqual(['docopt-0.6.2.tar.gz'])
    expect(files.map(({ file }) => file)).toEqual(asked)
    expect(sandbox.left()).toBe(0)
  })

  test("uses the machine's index and certificates, with the login in a file that only pip finds", async () => {
    const sandbox = replay(scenarios['a wheel, and one that is there'])
    await resolve(sandbox, ['cowsay==6.1', 'wheel'])
    expect(sandbox.written.get('/stillroom/certificates.pem')).toBe('trusted')
    expect(sandbox.written.get('/stillroom/pip.conf')).toBe(`[global]\nindex-url = ${INDEX}\n`)
    expect(JSON.stringify(sandbox.environments)).not.toContain('s3cret')
    const ofPip = sandbox.environments.filter((env) => 'PIP_LOG' in env)
    expect(ofPip).toHaveLength(2)
    expect(sandbox.removed).toEqual(['/stillroom/pip.conf', '/stillroom/pip.conf'])
    for (const env of ofPip)
      expect(env).toMatchObject({
        PIP_CONFIG_FILE: '/stillroom/pip.conf',
        HTTPS_PROXY: 'http://proxy.example.org',
        PIP_CERT: '/stillroom/certificates.pem',
        PIP_BREAK_SYSTEM_PACKAGES: '1',
      })
  })

  test('names the version of the base that a file replaces', async () => {
    const sandbox = replay(scenarios['another version than the base has'])
    const { files } = await resolve(sandbox, [`setuptools==${setuptools}`])
    expect(files).toMatchObject([{ name: 'setuptools', version: setuptools, replaces: expect.any(String) }])
  })

  test('what pip first finds there and then takes another version of is a file, and not there', async () => {
    // pip goes back on a version when a later requirement rules it out
    const calls = scenarios['another version than the base has']?.map((call) =>
      'command' in call && call.command.includes('install')
        ? { ...call, stdout: `Requirement already satisfied: setuptools in /usr/lib\n${call.stdout}` }
        : call,
    )
    const { files, provided } = await resolve(replay(calls), [`setuptools==${setuptools}`])
    expect(files).toMatchObject([{ name: 'setuptools', version: setuptools }])
    expect(provided).toEqual([])
  })

  test('locks a source distribution with what builds it', async () => {
    const sandbox = replay(scenarios['a source distribution'])
    const sdists = { docopt: [`setuptools==${setuptools}`, 'wheel==0.45.1'] }
    const { files, build } = await resolve(sandbox, ['docopt==0.6.2'], { sdists })
    expect(files.map(({ file }) => file)).toEqual(['docopt-0.6.2.tar.gz'])
    expect(build.docopt?.map(({ name, version, replaces }) => [name, version, replaces])).toEqual([
      ['setuptools', setuptools, undefined],
      ['wheel', '0.45.1', undefined],
    ])
    expect(sandbox.left()).toBe(0)
  })

  test('says how to allow a project that comes as source only', async () => {
    const sandbox = replay(scenarios['a source that is not allowed'])
    await expect(resolve(sandbox, ['docopt==0.6.2'])).rejects.toMatchObject({
      code: 'PIP_PACKAGE_UNKNOWN',
      hint: expect.stringContaining(`sdists: { "docopt": ['setuptools', 'wheel'] }`),
    })
  })

  test('names a version that no index has', async () => {
    const sandbox = replay(scenarios['an unknown version'])
    await expect(resolve(sandbox, ['cowsay==99'])).rejects.toMatchObject({
      code: 'PIP_PACKAGE_UNKNOWN',
      message: expect.stringContaining('cowsay==99'),
    })
  })

  test('blames the version that cannot stay', async () => {
    const sandbox = replay(scenarios['a version that cannot stay'])
    const constraints = { stay: [{ name: 'idna', version: '3.2' }], beyond: [] }
    await expect(resolve(sandbox, ['requests==2.25.1'], { constraints })).rejects.toMatchObject({
      code: suite === 'bullseye' ? 'PIP_PACKAGE_UNKNOWN' : 'PIP_CONFLICT',
      details: { blamed: ['idna'] },
    })
    expect(sandbox.written.get('/stillroom/constraints.txt')).toBe('idna==3.2\n')
  })

  test('asks for something newer than a version that is to be left behind', async () => {
    const sandbox = replay(scenarios['nothing newer'])
    const constraints = { stay: [], beyond: [{ name: 'cowsay', version: '6.0' }] }
    await expect(resolve(sandbox, ['cowsay<6'], { constraints })).rejects.toMatchObject({
      code: expect.stringMatching(/^PIP_(CONFLICT|PACKAGE_UNKNOWN)$/),
    })
    expect(sandbox.written.get('/stillroom/constraints.txt')).toBe('cowsay>6.0\n')
  })
})
