import { canonicalJson, compareCodeUnits, type Json, lineJson } from './canonical-json.ts'
import { compareFields } from './lock-inputs.ts'
import { normalizeLock } from './normalize-lock.ts'
import {
  BasePackage,
  DebianIndex,
  DebianPackage,
  LfsFile,
  LocalPackage,
  type LockedBase,
  type LockedImage,
  type LockedImageBase,
  type LockedPlatform,
  type LockedRecipe,
  type LockedSif,
  type LockedStep,
  LockedSubmodule,
  type Lockfile,
  type LockInputs,
  ProvidedPackage,
  PublishedImage,
  PythonFile,
  RegistryLayer,
} from './schema.ts'

/**
 * The one text of a lock: JSON, 2 spaces, one entry a line, keys in the schema's order, lists sorted by code
 * unit, a newline at the end. Equal locks have equal text, and `parseLock` of it gives the normalised lock back.
 */
export function serializeLock(lock: Lockfile): string {
  const { lockfileVersion, recipe, inputs, platforms } = normalizeLock(lock)
  const text = block({
    lockfileVersion: line(lockfileVersion),
    recipe: line(recipe),
    inputs: inputsText(inputs),
    platforms: block(mapSorted(platforms, platformText)),
  })
  return `${text}\n`
}

function inputsText({ checksum, fields }: LockInputs): string {
  const names = Object.keys(fields).sort(compareFields)
  return block({
    checksum: line(checksum),
    fields: block(Object.fromEntries(names.map((name) => [name, canonicalJson(fields[name] as Json)]))),
  })
}

function platformText({ epoch, base, steps, recipes, image }: LockedPlatform): string {
  return block({
    ...pinsText({ epoch, base, steps }),
    ...(recipes === undefined ? {} : { recipes: block(mapSorted(recipes, recipeText)) }),
    image: image === null ? 'null' : imageText(image),
  })
}

function recipeText({ inputs, image, ...pins }: LockedRecipe): string {
  return block({ inputs: inputsText(inputs), ...pinsText(pins), image: imageText(image) })
}

function pinsText({ epoch, base, steps }: Pick<LockedPlatform, 'epoch' | 'base' | 'steps'>) {
  return { epoch: line(epoch), base: baseText(base), steps: list(steps.map(stepText)) }
}

function baseText(base: LockedBase): string {
  if (base.kind === 'image') return imageBaseText(base)
  if (base.kind === 'recipe')
    return block({
      kind: line(base.kind),
      recipe: line(base.recipe),
      created: line(base.created),
      ...configurationText(base),
    })
  return block({
    kind: line(base.kind),
    suite: line(base.suite),
    indexes: entries(DebianIndex.shape, base.indexes),
    seed: list(base.seed.map((name) => line(name))),
    packages: entries(DebianPackage.shape, base.packages),
    ...(base.clock === undefined ? {} : { clock: entry(DebianPackage.shape, base.clock) }),
  })
}

function imageBaseText(base: LockedImageBase): string {
  return block({
    kind: line(base.kind),
    reference: line(base.reference),
    index: line(base.index),
    manifest: line(base.manifest),
    config: line(base.config),
    created: line(base.created),
    layers: entries(RegistryLayer.shape, base.layers),
    ...configurationText(base),
  })
}

function configurationText(base: Exclude<LockedBase, { kind: 'debian' }>): Record<string, string> {
  const { configuration, account } = base
  return {
    configuration: block({
      env: canonicalJson(configuration.env),
      user: line(configuration.user),
      workdir: line(configuration.workdir),
      entrypoint: line(configuration.entrypoint),
      cmd: line(configuration.cmd),
      labels: canonicalJson(configuration.labels),
      expose: line(configuration.expose),
      volumes: line(configuration.volumes),
      stopSignal: line(configuration.stopSignal),
    }),
    account: line({ uid: account.uid, gid: account.gid, home: account.home }),
    indexes: entries(DebianIndex.shape, base.indexes),
    inventory: entries(BasePackage.shape, base.inventory),
  }
}

function stepText(step: LockedStep): string {
  switch (step.kind) {
    case 'apt':
      return block({
        kind: line(step.kind),
        packages: entries(DebianPackage.shape, step.packages),
        order: list(step.order.map((action) => line(action))),
      })
    case 'pip':
      return block({
        kind: line(step.kind),
        pip: line(step.pip),
        files: entries(PythonFile.shape, step.files),
        build: block(mapSorted(step.build, (files) => entries(PythonFile.shape, files))),
        provided: entries(ProvidedPackage.shape, step.provided),
        ...(step.local.length > 0 ? { local: entries(LocalPackage.shape, step.local) } : {}),
      })
    case 'git':
      return block({
        kind: line(step.kind),
        url: line(step.url),
        commit: line(step.commit),
        tree: line(step.tree),
        submodules: entries(LockedSubmodule.shape, step.submodules),
        lfs: entries(LfsFile.shape, step.lfs),
        size: line(step.size),
        sha256: line(step.sha256),
      })
    case 'file':
      return block({
        kind: line(step.kind),
        url: line(step.url),
        size: line(step.size),
        sha256: line(step.sha256),
      })
    case 'project':
      return block({
        kind: line(step.kind),
        commit: line(step.commit),
        tree: line(step.tree),
        ...(step.part && { part: line({ directory: step.part.directory, exclude: step.part.exclude }) }),
      })
    case 'copy':
      return block({ kind: line(step.kind), recipe: line(step.recipe), path: line(step.path) })
    case 'run':
      return block({ kind: line(step.kind) })
  }
}

function imageText({ id, tree, size, diffIDs, archive, published, sif }: LockedImage): string {
  return block({
    id: line(id),
    tree: line(tree),
    size: line(size),
    diffIDs: list(diffIDs.map((digest) => line(digest))),
    ...(archive && { archive: line({ sha256: archive.sha256, size: archive.size }) }),
    ...(published && { published: entry(PublishedImage.shape, published) }),
    ...(sif && {
      sif: line({ sha256: sif.sha256, size: sif.size, inputs: sif.inputs, tasks: sortedTasks(sif) }),
    }),
  })
}

function sortedTasks({ tasks }: LockedSif): Json {
  const ordered = Object.entries(tasks).sort(([a], [b]) => (a < b ? -1 : 1))
  return Object.fromEntries(
    ordered.map(([name, { command, workdir }]): [string, Json] => [
      name,
      { command, ...(workdir === undefined ? {} : { workdir }) },
    ]),
  )
}

/** Each item on one line, its keys in the order of the schema. */
function entries(shape: object, items: readonly object[]): string {
  return list(items.map((item) => entry(shape, item)))
}

function entry(shape: object, item: object): string {
  const values = item as Record<string, Json>
  return line(Object.fromEntries(Object.keys(shape).map((key) => [key, values[key] as Json])))
}

/** Written here, not by JSON.stringify over an object: that would put keys that look like numbers first. */
function mapSorted<T>(record: Record<string, T>, text: (value: T) => string): [string, string][] {
  return Object.keys(record)
    .sort(compareCodeUnits)
    .map((key) => [key, text(record[key] as T)])
}

const line = (value: Json) => lineJson(value)
const list = (items: string[]) => lines('[', items, ']')

function block(fields: Record<string, string> | [string, string][]): string {
  const pairs = Array.isArray(fields) ? fields : Object.entries(fields)
  return lines(
    '{',
    pairs.map(([key, text]) => `${JSON.stringify(key)}: ${text}`),
    '}',
  )
}

function lines(open: string, items: string[], close: string): string {
  if (items.length === 0) return open + close
  const inner = items
    .join(',\n')
    .split('\n')
    .map((text) => `  ${text}`)
  return [open, ...inner, close].join('\n')
}
