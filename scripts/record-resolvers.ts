// Records what apt and pip of each Debian suite answer to the resolvers, for their unit tests:
//   node scripts/record-resolvers.ts
// Needs an engine and the network. Makes an image with pip of each suite in a project of its own, and runs the real
// resolvers in containers of it.
import { execFileSync } from 'node:child_process'
import { mkdirSync, mkdtempSync, readFileSync, symlinkSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { connectEngine } from '../src/engine/connect.ts'
import { withContainer } from '../src/engine/container.ts'
import { parseControl } from '../src/formats/deb/deb822.ts'
import type { VersionConstraints } from '../src/lock/plan-lock.ts'
import type { Lockfile } from '../src/lock/schema.ts'
import { trustedCertificates } from '../src/net/trusted-certificates.ts'
import type { AptStep, PipStep } from '../src/recipe/schema.ts'
import { openIndexes, resolveApt } from '../src/resolve/apt/resolve-apt.ts'
import type { FetchedIndex } from '../src/resolve/debian/fetch-indexes.ts'
import { resolvePip } from '../src/resolve/python/resolve-pip.ts'
import type { Recorded, RecordedCall } from '../src/resolve/recorded-sandbox.fixture.ts'
import type { Sandbox } from '../src/resolve/sandbox.ts'
import { openSession } from '../src/workflows/session.ts'

const ROOT = new URL('..', import.meta.url).pathname
const SUITES = { bullseye: '58.1.0', bookworm: '68.0.0', trixie: '80.9.0' }
const FIELDS = ['Package', 'Version', 'Architecture', 'Filename', 'Size', 'SHA256', 'Provides', 'Depends']

const directory = makeProject()
const session = await openSession({
  directory,
  env: process.env,
  signal: new AbortController().signal,
  progress: () => {},
})
const engine = await connectEngine()
for (const [suite, setuptools] of Object.entries(SUITES)) {
  const lock = buildRecipe(suite)
  await recordApt(suite, lock)
  await recordPip(suite, setuptools)
}

function makeProject(): string {
  const project = mkdtempSync(join(tmpdir(), 'stillroom-record-'))
  mkdirSync(join(project, 'node_modules'))
  symlinkSync(ROOT, join(project, 'node_modules/stillroom'))
  writeFileSync(join(project, 'package.json'), '{ "type": "module" }')
  return project
}

function buildRecipe(suite: string): Lockfile {
  const recipe = join(directory, 'recipes', `recorded-${suite}`)
  mkdirSync(recipe, { recursive: true })
  const steps = "[apt(['python3-pip', 'python3-setuptools', 'python3-wheel'])]"
  writeFileSync(
    join(recipe, 'recipe.ts'),
    `import { apt, debian, defineRecipe } from 'stillroom'\n\nexport default defineRecipe({ description: 'pip', base: debian('${suite}'), steps: ${steps} })\n`,
  )
  for (const words of [['lock'], ['build', '--no-audit']]) {
    const [verb = '', ...flags] = words
    const args = [verb, 'recipe', `recorded-${suite}`, '-C', directory, ...flags]
    execFileSync(join(ROOT, 'bin/stillroom'), args, { stdio: 'inherit' })
  }
  return JSON.parse(readFileSync(join(recipe, 'lock.json'), 'utf8'))
}

async function recordApt(suite: string, lock: Lockfile): Promise<void> {
  const { base } = lock.platforms['linux/amd64'] ?? {}
  const indexes: FetchedIndex[] = (base?.indexes ?? []).map((index) => {
    const read = (sha256: string) => readFileSync(session.store.path(sha256))
    return { index, inRelease: read(index.release), packages: read(index.packages) }
  })
  const steps: Record<string, AptStep> = {
    'one package with what it needs': aptStep(['jq']),
    'packages that conflict': aptStep(['systemd-sysv', 'sysvinit-core']),
  }
  const names = new Set(['systemd-sysv', 'sysvinit-core'])
  const scenarios: Recorded['scenarios'] = {}
  for (const [name, step] of Object.entries(steps)) {
    scenarios[name] = await record(suite, 'none', async (sandbox) => {
      const { packages } = await resolveApt(step, openIndexes(indexes), sandbox)
      for (const entry of packages) names.add(entry.name)
    })
  }
  save('apt', suite, {
    scenarios,
    indexes: indexes.map(({ index, packages }) => ({ index, packages: excerpt(packages, names) })),
  })
}

function aptStep(packages: string[]): AptStep {
  return { kind: 'apt', packages, recommends: false }
}

async function recordPip(suite: string, setuptools: string): Promise<void> {
  const stay = (name: string, version: string) => ({ stay: [{ name, version }], beyond: [] })
  const beyond = (name: string, version: string) => ({ stay: [], beyond: [{ name, version }] })
  const scenarios: Recorded['scenarios'] = {
    'a wheel, and one that is there': await recordStep(suite, { requirements: ['cowsay==6.1', 'wheel'] }),
    'another version than the base has': await recordStep(suite, {
      requirements: [`setuptools==${setuptools}`],
    }),
    'a source distribution': await recordStep(suite, {
      requirements: ['docopt==0.6.2'],
      sdists: { docopt: [`setuptools==${setuptools}`, 'wheel==0.45.1'] },
    }),
    'a source that is not allowed': await recordStep(suite, { requirements: ['docopt==0.6.2'] }),
    'an unknown version': await recordStep(suite, { requirements: ['cowsay==99'] }),
    'a version that cannot stay': await recordStep(
      suite,
      { requirements: ['requests==2.25.1'] },
      stay('idna', '3.2'),
    ),
    'the same when it may move': await recordStep(suite, { requirements: ['requests==2.25.1'] }),
    'nothing newer': await recordStep(suite, { requirements: ['cowsay<6'] }, beyond('cowsay', '6.0')),
  }
  save('python', suite, { scenarios, indexes: [] })
}

async function recordStep(
  suite: string,
  { requirements, sdists = {} }: Pick<PipStep, 'requirements'> & { sdists?: PipStep['sdists'] },
  constraints?: VersionConstraints,
): Promise<RecordedCall[]> {
  const { pypi, ca } = await session.sources()
  const { 'find-links': _, ...settings } = pypi.settings
  const environment = {}
  const certificates = ca === undefined ? undefined : Buffer.from(trustedCertificates(ca).join('\n'))
  return record(suite, 'host', async (sandbox) => {
    await resolvePip(
      { kind: 'pip', requirements, sdists },
      {
        sandbox,
        settings,
        environment,
        certificates,
        constraints,
        keep: (content) => session.store.put(content),
      },
    )
  })
}

/** All that a sandbox answered, also to a resolver that failed. */
async function record(
  suite: string,
  network: 'none' | 'host',
  use: (sandbox: Sandbox) => Promise<void>,
): Promise<RecordedCall[]> {
  const calls: RecordedCall[] = []
  const container = { image: `stillroom/recorded-${suite}`, network, user: '0', signal: session.signal }
  await withContainer(engine, container, (sandbox) => use(recording(sandbox, calls)).catch(() => {}))
  return calls
}

function recording(sandbox: Sandbox, calls: RecordedCall[]): Sandbox {
  return {
    write: (files) => sandbox.write(files),
    remove: (path) => sandbox.remove(path),
    run: async (command, env) => {
      const { exitCode, stdout, stderr } = await sandbox.run(command, env)
      // pip's log is long, and of it only what could not be read, or was not allowed, is wanted
      const wanted = command[0] === 'tail' ? /Could not fetch|No sources permitted/ : /^/
      const lines = stdout.split('\n').filter((line) => wanted.test(line))
      calls.push({ command: [...command], exitCode, stdout: scrub(lines.join('\n')), stderr: scrub(stderr) })
      return { exitCode, stdout, stderr }
    },
    read: async function* (path) {
      const files: { name: string; size: number; sha256: string }[] = []
      calls.push({ directory: path, files })
      for await (const { name, content } of sandbox.read(path)) {
        const chunks: Uint8Array[] = []
        for await (const chunk of content) chunks.push(chunk)
        files.push({ name, ...(await session.store.put(Buffer.concat(chunks))) })
        yield { name, content: one(Buffer.concat(chunks)) }
      }
    },
  }
}

async function* one(bytes: Uint8Array): AsyncIterable<Uint8Array> {
  yield bytes
}

/** No host of an index, and no bar of progress. */
function scrub(text: string): string {
  return text
    .replace(/https?:\/\/[^/\s]+/g, 'https://pypi.example.org')
    .split('\n')
    .filter((line) => !/[━|█]{3}/.test(line))
    .join('\n')
}

/** The entries of some packages, with the fields that a resolver reads. */
function excerpt(packages: Uint8Array, names: ReadonlySet<string>): string {
  const fields = new Set(FIELDS.map((field) => field.toLowerCase()))
  const stanzas: string[] = []
  for (const stanza of parseControl(packages, { fields })) {
    if (!names.has(stanza.get('package') ?? '')) continue
    stanzas.push(
      FIELDS.flatMap((field) => {
        const value = stanza.get(field.toLowerCase())
        return value === undefined ? [] : [`${field}: ${value}\n`]
      }).join(''),
    )
  }
  return stanzas.join('\n')
}

function save(room: 'apt' | 'python', suite: string, recorded: Recorded): void {
  const path = join(ROOT, 'src/resolve', room, 'recorded')
  mkdirSync(path, { recursive: true })
  writeFileSync(join(path, `${suite}.json`), `${JSON.stringify(recorded, null, 2)}\n`)
}
