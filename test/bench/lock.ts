import { mkdir, readFile, rm, symlink, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { execa } from 'execa'
import { trustedCertificates } from '../../src/net/trusted-certificates.ts'
import type { AptStep, PipStep, Recipe } from '../../src/recipe/schema.ts'
import { findSources } from '../../src/sources/find-sources.ts'
import type { Contest } from './contest.ts'

const ROOT = join(import.meta.dirname, '../..')
const READY = 'stillroom-bench/ready'

/** Packages of bookworm, as steps of one recipe or as one step of another. */
const STEPS = [
  ['python3', 'python3-pip', 'ca-certificates'],
  ['jq', 'curl', 'git'],
  ['gnuplot-nox'],
  ['openjdk-17-jre-headless'],
  ['gcc', 'make', 'cmake'],
  ['postgresql'],
  ['graphviz', 'imagemagick'],
  ['exim4', 'nginx', 'python3-matplotlib'],
]

/** A recipe of eight apt steps locked from nothing, against one with the same packages in one step. */
export function stepsContest(scratch: string): Contest {
  const project = join(scratch, 'steps')
  const recipes = { eight: STEPS, one: [STEPS.flat()] }
  const lock = (name: keyof typeof recipes) => lockAnew(project, name)
  return {
    part: 'steps',
    ours: 'lock recipe of eight apt steps, from nothing',
    theirs: 'the same with all packages in one step',
    atMost: 1.3,
    rounds: 5,
    prepare: async () => {
      await mkdir(join(project, 'node_modules'), { recursive: true })
      await symlink(ROOT, join(project, 'node_modules/stillroom'))
      await writeFile(join(project, 'package.json'), '{ "type": "module" }\n')
      for (const [name, steps] of Object.entries(recipes)) {
        const directory = join(project, 'recipes', name)
        await mkdir(directory, { recursive: true })
        const text = steps.map((packages) => `apt(${JSON.stringify(packages)})`).join(', ')
        await writeFile(
          join(directory, 'recipe.ts'),
          `import { apt, debian, defineRecipe } from 'stillroom'\n\nexport default defineRecipe({ base: debian('bookworm'), steps: [${text}] })\n`,
        )
      }
      await lock('one')
      await lock('eight')
    },
    run: { ours: () => lock('eight'), theirs: () => lock('one') },
  }
}

/**
 * A recipe of an apt step and a pip step locked from nothing, with what it takes in the store and layers in the builder, against
 * what only plans: apt and pip of the suite in images with lists and packages in them.
 *
 * @param base what the engine calls the recipe's base, which `makeBase` makes behind a lock
 */
export function lockContest(
  recipe: string,
  scratch: string,
  { base, makeBase }: { base: string; makeBase: () => Promise<unknown> },
): Contest {
  const project = join(scratch, 'locked')
  const ready = new ReadyImages(base, scratch)
  const load = async () => (await import(join(ROOT, 'recipes', recipe, 'recipe.ts'))).default as Recipe
  const ours = () => lockAnew(project, recipe)
  const theirs = async () => {
    for (const step of (await load()).steps) {
      if (step.kind === 'apt') await ready.planApt(step)
      if (step.kind === 'pip') await ready.planPip(step)
    }
  }
  return {
    part: 'lock',
    ours: `lock recipe ${recipe}, from nothing, with a warm store`,
    theirs: 'apt-get -s install and pip install --dry-run where lists and packages are ready',
    atMost: 1.5,
    rounds: 3,
    prepare: async () => {
      await execa('git', ['clone', '--quiet', ROOT, project])
      for (const name of ['node_modules', 'dist']) await symlink(join(ROOT, name), join(project, name))
      await ours()
      await makeBase()
      await ready.build(await load())
      await theirs()
    },
    run: { ours, theirs },
  }
}

async function lockAnew(project: string, recipe: string): Promise<void> {
  for (const path of [`recipes/${recipe}/lock.json`, `generated/${recipe}`])
    await rm(join(project, path), { recursive: true, force: true })
  await execa(join(ROOT, 'bin/stillroom'), ['-C', project, 'lock', 'recipe', recipe])
}

/** Images in which apt and pip can plan. */
class ReadyImages {
  readonly #base: string
  readonly #certificates: string

  constructor(base: string, scratch: string) {
    this.#base = base
    this.#certificates = join(scratch, 'pip-certificates.pem')
  }

  /** Of a recipe on Debian, whose first apt step brings pip. */
  async build({ base, steps }: Recipe): Promise<void> {
    const step = steps.find(({ kind }) => kind === 'apt') as AptStep
    const { debian, pypi, ca } = await findSources({ env: process.env })
    await writeFile(this.#certificates, ca === undefined ? '' : trustedCertificates(ca).join('\n'))
    const args = {
      BASE: this.#base,
      SUITE: base.kind === 'debian' ? base.suite : '',
      DEBIAN: debian.debian[0],
      DEBIAN_SECURITY: debian['debian-security'][0],
      PACKAGES: step.packages.join(' '),
      PIP_INDEX_URL: pypi.indexes[0],
    }
    for (const target of ['lists', 'packages'])
      await execa('docker', [
        ...['buildx', 'build', '--quiet', '--provenance=false', '--load', '--network=host'],
        ...Object.entries(args).flatMap(([name, value]) => ['--build-arg', `${name}=${value ?? ''}`]),
        ...['--secret', `id=certificates,src=${this.#certificates}`, '--target', target],
        ...['--tag', `${READY}-${target}`, '--file', join(import.meta.dirname, 'ready.Dockerfile')],
        import.meta.dirname,
      ])
  }

  async planApt({ packages }: AptStep): Promise<void> {
    const command = ['apt-get', '-s', 'install', '--no-install-recommends', ...packages]
    const { stdout } = await execa('docker', ['run', '--rm', '--network=none', `${READY}-lists`, ...command])
    if (!stdout.includes('\nConf ')) throw new Error(`apt planned nothing: ${stdout}`)
  }

  async planPip({ requirements, sdists }: PipStep): Promise<void> {
    const { pypi } = await findSources({ env: process.env })
    const sources = Object.keys(sdists)
    const certificates = await readFile(this.#certificates, 'utf8')
    const environment = {
      PYTHONPATH: '/opt/pip',
      PIP_INDEX_URL: pypi.indexes[0],
      ...(certificates === '' ? {} : { PIP_CERT: '/certificates.pem' }),
    }
    const command = [
      ...['python3', '-m', 'pip', 'install', '--dry-run', '--only-binary=:all:'],
      ...(sources.length > 0 ? [`--no-binary=${sources.join(',')}`, '--no-build-isolation'] : []),
      ...['--', ...requirements],
    ]
    const { stdout } = await execa(
      'docker',
      [
        ...['run', '--rm', '--interactive', '--network=host'],
        ...Object.entries(environment).flatMap(([name, value]) => ['--env', `${name}=${value}`]),
        ...[`${READY}-packages`, 'sh', '-c', 'cat > /certificates.pem; exec "$@"', 'sh', ...command],
      ],
      { input: certificates },
    )
    if (!stdout.includes('Would install')) throw new Error(`pip planned nothing: ${stdout}`)
  }
}
