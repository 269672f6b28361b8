import fc from 'fast-check'
import type { Recipe } from '../recipe/schema.ts'
import { lockInputs } from './lock-inputs.ts'
import { normalizePlatform } from './normalize-lock.ts'
import { lockIdentity, sourceNames } from './other-recipes.ts'
import {
  type DebianIndex,
  type DebianPackage,
  type LockedImageBase,
  type LockedPip,
  type LockedPlatform,
  type LockedRecipe,
  type LockedSif,
  type LockedStep,
  type Lockfile,
  MOST_WHEEL_LAYERS,
  type PythonFile,
} from './schema.ts'

/** Arbitrary values for property tests: whole lockfiles that pass the schema and every cross-check. */

const hex = (length: number) =>
  fc
    .bigInt({ min: 0n, max: 16n ** BigInt(length) - 1n })
    .map((value) => value.toString(16).padStart(length, '0'))
const sha256 = hex(64)
const digest = sha256.map((value) => `sha256:${value}`)
const debianName = fc.stringMatching(/^[a-z0-9][a-z0-9+.-]{1,12}$/)
const projectName = fc.stringMatching(/^[a-z0-9]{1,6}(-[a-z0-9]{1,4})?$/)
/** Text on one line, not empty. */
const word = fc.string({ minLength: 1 })
const path = fc.constantFrom('/a', '/b c', '/"d"/$e')
const pythonVersion = fc.stringMatching(/^[0-9]{1,3}(\.[0-9a-z+!_-]{1,3}){0,3}$/)

/** What `export` recorded. */
const sif: fc.Arbitrary<LockedSif> = fc.record({
  sha256,
  size: fc.nat(),
  inputs: sha256,
  tasks: fc.dictionary(
    fc.stringMatching(/^[a-z][a-z0-9-]{0,4}$/),
    fc.record(
      { command: fc.array(word, { minLength: 1, maxLength: 3 }), workdir: path },
      { requiredKeys: ['command'], noNullPrototype: true },
    ),
    { maxKeys: 3, noNullPrototype: true },
  ),
})

/** Equal bytes have one size. */
const sized = <T extends { sha256: string }>(artifact: T) => ({
  ...artifact,
  size: Number.parseInt(artifact.sha256.slice(-8), 16),
})

const debianPackage: fc.Arbitrary<DebianPackage> = fc
  .record({
    name: debianName,
    version: fc.stringMatching(/^[0-9][A-Za-z0-9.+:~-]{0,12}$/),
    architecture: fc.constantFrom('amd64' as const, 'all' as const),
    archive: fc.constantFrom('debian' as const, 'debian-security' as const),
    path: fc.stringMatching(/^pool\/main\/[a-z]\/[a-z0-9]{1,8}\/[a-z0-9]{1,8}_[0-9.+~%]{1,8}\.deb$/),
    sha256,
  })
  .map(sized)

const packages = (minLength: number) =>
  fc.uniqueArray(debianPackage, { minLength, maxLength: 6, selector: ({ name }) => name })

const pythonFile: fc.Arbitrary<PythonFile> = fc
  .record(
    {
      name: projectName,
      version: pythonVersion,
      file: fc.stringMatching(/^[A-Za-z0-9_][A-Za-z0-9._+~%!-]{0,12}\.whl$/),
      sha256,
      replaces: word,
      layer: fc.integer({ min: 1, max: MOST_WHEEL_LAYERS }),
    },
    { requiredKeys: ['name', 'version', 'file', 'sha256'] },
  )
  .map(sized)

const files = fc.uniqueArray(pythonFile, { maxLength: 5, selector: ({ name }) => name })

const lockedPip: fc.Arbitrary<LockedPip> = fc
  .record({
    kind: fc.constant('pip' as const),
    pip: pythonVersion,
    files,
    build: fc.dictionary(
      projectName,
      files.map((all) => all.map(({ layer: _, ...file }) => file)),
      { maxKeys: 3 },
    ),
    provided: fc.uniqueArray(fc.record({ name: projectName, version: word }), {
      maxLength: 4,
      selector: ({ name }) => name,
    }),
    local: fc.array(
      fc.record({
        path: fc.constantFrom('/opt/a', '/opt/b c'),
        name: projectName,
        version: pythonVersion,
        editable: fc.boolean(),
      }),
      { maxLength: 2 },
    ),
  })
  .map((step) => ({
    ...step,
    build: { ...step.build },
    provided: step.provided.filter(({ name }) => step.files.every((file) => file.name !== name)),
  }))

/** Every name once, in any order, over one or two lines. */
function actions(verb: string, names: string[]): fc.Arbitrary<string[]> {
  return fc
    .tuple(fc.shuffledSubarray(names, { minLength: names.length }), fc.nat(names.length))
    .map(([order, cut]) =>
      [order.slice(0, cut), order.slice(cut)]
        .filter((part) => part.length > 0)
        .map((part) => [verb, ...part].join(' ')),
    )
}

const lockedStep: fc.Arbitrary<LockedStep> = fc.oneof(
  packages(0).chain((list) => {
    const names = list.map(({ name }) => name)
    return fc.record({
      kind: fc.constant('apt' as const),
      packages: fc.constant(list),
      order: actions('unpack', names).chain((unpack) =>
        actions('configure', names).map((configure) => [...unpack, ...configure]),
      ),
    })
  }),
  lockedPip,
  fc
    .record({
      kind: fc.constant('git' as const),
      url: fc.constantFrom('https://git.example.org/a.git', 'git@example.org:a/b'),
      commit: hex(40),
      tree: hex(40),
      submodules: fc.uniqueArray(
        fc.record({
          path: fc.constantFrom('a', 'b c/d'),
          url: fc.constant('https://git.example.org/b.git'),
          commit: hex(40),
          tree: hex(40),
        }),
        { maxLength: 2, selector: ({ path }) => path },
      ),
      lfs: fc.uniqueArray(fc.record({ path: fc.constantFrom('a.bin', 'b c/"d"'), sha256 }).map(sized), {
        maxLength: 2,
        selector: ({ path }) => path,
      }),
      sha256,
    })
    .map(sized),
  fc
    .record({ kind: fc.constant('file' as const), url: fc.constant('https://example.org/a'), sha256 })
    .map(sized),
  fc.record(
    {
      kind: fc.constant('project' as const),
      commit: hex(40),
      tree: hex(64),
      part: fc.record({
        directory: fc.constantFrom('', 'a', 'a/b'),
        exclude: fc.constantFrom<string[]>(['recipes'], ['recipes', 'data/raw']),
      }),
    },
    { requiredKeys: ['kind', 'commit', 'tree'] },
  ),
  fc.record({ kind: fc.constant('copy' as const), recipe: fc.constantFrom('one', 'an-other'), path }),
  fc.constant({ kind: 'run' as const }),
)

const indexes = fc.uniqueArray(
  fc.record({
    archive: fc.constantFrom('debian', 'debian-security', 'ubuntu', 'example.org:8080/team/ubuntu'),
    suite: fc.constantFrom('bookworm', 'bookworm-updates', 'bookworm-security', 'buster/updates'),
    component: fc.constantFrom('main', 'universe'),
    date: fc
      .date({ min: new Date(0), max: new Date('2100-01-01'), noInvalidDate: true })
      .map((date) => date.toISOString()),
    release: sha256,
    packages: sha256,
    signedBy: fc.uniqueArray(
      hex(40).map((value) => value.toUpperCase()),
      { minLength: 1, maxLength: 3 },
    ),
  }),
  {
    minLength: 1,
    maxLength: 3,
    selector: ({ archive, suite, component }) => `${archive} ${suite} ${component}`,
  },
)

const imageBase: fc.Arbitrary<LockedImageBase> = fc.record({
  kind: fc.constant('image' as const),
  reference: fc.constantFrom('docker.io/library/debian:12', 'registry.example.org:5000/a/b:c'),
  index: fc.option(digest),
  manifest: digest,
  config: digest,
  created: fc.constant('2019-04-17T12:00:00Z'),
  layers: fc.array(
    fc
      .record({
        sha256,
        compression: fc.constantFrom('none' as const, 'gzip' as const, 'zstd' as const),
        diffID: digest,
      })
      .map(sized)
      .map(({ sha256, ...layer }) => ({ digest: `sha256:${sha256}`, ...layer })),
    { minLength: 1, maxLength: 3 },
  ),
  configuration: fc.record({
    env: fc.dictionary(fc.stringMatching(/^[A-Z]{1,4}$/), fc.string()),
    user: fc.constantFrom('', '1000:1000', 'a b'),
    workdir: fc.oneof(fc.constant(''), path),
    entrypoint: fc.option(fc.array(fc.string())),
    cmd: fc.option(fc.array(fc.string())),
    labels: fc.dictionary(fc.stringMatching(/^[a-z.]{1,6}$/), fc.string()),
    expose: fc.array(fc.constantFrom('1/tcp', '2-3/udp')),
    volumes: fc.array(path),
    stopSignal: fc.constantFrom('', 'SIGTERM', '9'),
  }),
  account: fc.record({ uid: fc.nat(), gid: fc.nat(), home: path }),
  indexes: fc.oneof(fc.constant<DebianIndex[]>([]), indexes),
  inventory: fc.array(
    fc.record(
      {
        kind: fc.constantFrom('deb', 'pypi'),
        name: debianName,
        version: pythonVersion,
        architecture: fc.constant('amd64'),
        environment: fc.constant('usr/lib'),
      },
      { requiredKeys: ['kind', 'name', 'version'] },
    ),
    { maxLength: 3 },
  ),
})

const builtImage = fc.record({
  id: digest,
  tree: digest,
  size: fc.nat(),
  diffIDs: fc.array(digest, { minLength: 1, maxLength: 3 }),
})

const ownPlatform: fc.Arbitrary<LockedPlatform> = fc.record({
  epoch: fc.integer({ min: 1 }),
  base: fc.oneof(
    imageBase,
    packages(2).chain(([clock, ...list]) =>
      fc.record(
        {
          kind: fc.constant('debian' as const),
          suite: fc.constantFrom('bullseye' as const, 'bookworm' as const, 'trixie' as const),
          indexes,
          seed: fc.subarray(list.map(({ name }) => name)),
          packages: fc.constant(list),
          clock: fc.constant(clock as DebianPackage),
        },
        { requiredKeys: ['kind', 'suite', 'indexes', 'seed', 'packages'] },
      ),
    ),
  ),
  steps: fc.array(lockedStep, { maxLength: 4 }),
  image: fc.option(
    fc
      .record({
        built: builtImage,
        archive: fc.option(fc.record({ sha256: digest.map((text) => text.slice(7)), size: fc.nat() })),
        published: fc.option(
          fc.record({
            reference: fc.constantFrom('a.example/b:1', '127.0.0.1:5000/team/b:latest'),
            manifest: digest,
          }),
        ),
        sif: fc.option(sif),
      })
      .map(({ built, archive, published, sif: made }) => ({
        ...built,
        ...(archive && { archive }),
        ...(published && { published }),
        ...(made && { sif: made }),
      })),
  ),
})

const text = fc.string({
  unit: fc.constantFrom('a', '"', '\\', ' ', 'é', '\u2028', '$', '__proto__', '\u{1f4a7}'),
})

/** Made once: an arbitrary of strings takes longer to make than a value of it. */
const stepRequests = {
  apt: fc.record({
    kind: fc.constant('apt' as const),
    packages: fc.array(debianName, { minLength: 1, maxLength: 3 }),
    recommends: fc.boolean(),
  }),
  pip: fc.record({
    kind: fc.constant('pip' as const),
    requirements: fc.array(projectName, { minLength: 1, maxLength: 3 }),
    sdists: fc.dictionary(projectName, fc.array(projectName), { maxKeys: 2 }),
  }),
  git: fc.record({
    kind: fc.constant('git' as const),
    url: fc.constant('https://git.example.org/a.git'),
    ref: projectName,
    to: fc.constant('/opt/b'),
    submodules: fc.boolean(),
    lfs: fc.boolean(),
  }),
  file: fc.record({
    kind: fc.constant('file' as const),
    url: fc.constant('https://example.org/a'),
    to: fc.constant('/opt/c'),
    unpack: fc.boolean(),
    strip: fc.nat(3),
    mode: fc.constant('0644'),
  }),
  project: fc.record({
    kind: fc.constant('project' as const),
    path: projectName,
    to: fc.constant('/opt/a'),
  }),
  copy: fc.record({
    kind: fc.constant('copy' as const),
    from: fc.constant({ kind: 'recipe' as const, name: '' }),
    path,
    to: path,
  }),
  run: fc.record({
    kind: fc.constant('run' as const),
    command: fc.oneof(text, fc.array(text, { minLength: 1 })),
  }),
} satisfies Record<LockedStep['kind'], fc.Arbitrary<Recipe['steps'][number]>>

const settings = {
  description: text,
  platform: fc.constant('linux/amd64' as const),
  env: fc.dictionary(fc.stringMatching(/^[A-Z_][A-Z0-9_]{0,5}$/), text),
  labels: fc.dictionary(
    // V8 13.6 (Node 24) reads the key "\"" as a backslash where an object before had that key in its place
    text.filter((key) => key !== '__proto__' && !key.includes('\\')),
    text,
  ),
  expose: fc.array(fc.constantFrom('1/tcp', '2-3/udp')),
  volumes: fc.array(fc.constantFrom('/a', '/b')),
  layout: fc.constantFrom('layers' as const, 'flat' as const),
  archives: fc.constant<Recipe['archives']>([]),
  authors: fc.constant<Recipe['authors']>([]),
  checks: fc.constant<Recipe['checks']>([]),
  tasks: fc.constant({}),
}

/** A recipe that has the steps of the lock; what else is in it is free. */
function recipeFor({ base, steps }: LockedPlatform): fc.Arbitrary<Recipe> {
  return fc.record({
    ...settings,
    base: fc.constant(
      base.kind === 'debian'
        ? { kind: base.kind, suite: base.suite }
        : base.kind === 'image'
          ? { kind: base.kind, reference: base.reference }
          : { kind: base.kind, name: base.recipe },
    ),
    steps: fc.tuple(...steps.map(requestFor)),
  })
}

function requestFor(step: LockedStep): fc.Arbitrary<Recipe['steps'][number]> {
  if (step.kind !== 'copy') return stepRequests[step.kind]
  return stepRequests.copy.map((request) => ({ ...request, from: { kind: 'recipe', name: step.recipe } }))
}

/** With the recipes that steps copy from, of which the one copies from the other if they please. */
const platform = fc
  .record({ own: ownPlatform, one: ownPlatform, other: ownPlatform, image: builtImage })
  .chain(({ own, one, other, image }): fc.Arbitrary<LockedPlatform> => {
    const isCopy = ({ kind }: LockedStep) => kind === 'copy'
    const ofOther = (step: LockedStep) => (step.kind === 'copy' ? { ...step, recipe: 'an-other' } : step)
    const all: Record<string, LockedPlatform> = {
      one: { ...one, steps: one.steps.map(ofOther) },
      'an-other': { ...other, steps: other.steps.filter((step) => !isCopy(step)) },
    }
    const names = new Set(sourceNames(own))
    for (const name of [...names])
      for (const each of sourceNames(all[name] as LockedPlatform)) names.add(each)
    if (names.size === 0) return fc.constant(own)
    const locks = [...names].map((name) => {
      const { epoch, base, steps } = all[name] as LockedPlatform
      const lock = recipeFor(all[name] as LockedPlatform).map((recipe): LockedRecipe => {
        return { inputs: lockInputs(recipe), epoch, base, steps, image }
      })
      return fc.tuple(fc.constant(name), lock)
    })
    return fc.tuple(...locks).map((recipes) => ({ ...own, recipes: Object.fromEntries(recipes) }))
  })

const recipeName = fc.stringMatching(/^[a-z0-9]{1,6}(-[a-z0-9]{1,4})?$/)
const localFiles = fc.dictionary(projectName, sha256, { maxKeys: 2 })

export const arbitraryLock: fc.Arbitrary<Lockfile> = platform.chain((locked) =>
  fc.record({
    lockfileVersion: fc.constant(1 as const),
    recipe: recipeName,
    inputs: fc.tuple(recipeFor(locked), localFiles).map(([recipe, local]) => {
      const { recipes = {} } = normalizePlatform(locked)
      const identities = sourceNames(locked).map((name) => [
        name,
        lockIdentity({ ...(recipes[name] as LockedRecipe), recipes }),
      ])
      return lockInputs(recipe, local, undefined, Object.fromEntries(identities))
    }),
    platforms: fc.constant({ 'linux/amd64': locked }),
  }),
)
