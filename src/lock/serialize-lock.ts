import { canonicalJson, compareCodeUnits, type Json, lineJson } from './canonical-json.ts'
import { compareFields } from './lock-inputs.ts'
import { normalizeLock } from './normalize-lock.ts'
import {
  DebianIndex,
  DebianPackage,
  type LockedBase,
  type LockedImage,
  type LockedPlatform,
  type LockedStep,
  type Lockfile,
  type LockInputs,
  ProvidedPackage,
  PythonFile,
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

function platformText({ epoch, base, steps, image }: LockedPlatform): string {
  return block({
    epoch: line(epoch),
    base: baseText(base),
    steps: list(steps.map(stepText)),
    image: image === null ? 'null' : imageText(image),
  })
}

function baseText({ kind, suite, indexes, seed, packages }: LockedBase): string {
  return block({
    kind: line(kind),
    suite: line(suite),
    indexes: entries(DebianIndex.shape, indexes),
    seed: list(seed.map((name) => line(name))),
    packages: entries(DebianPackage.shape, packages),
  })
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
      })
    case 'project':
      return block({ kind: line(step.kind), commit: line(step.commit), tree: line(step.tree) })
    case 'run':
      return block({ kind: line(step.kind) })
  }
}

function imageText({ id, tree, size, diffIDs }: LockedImage): string {
  return block({
    id: line(id),
    tree: line(tree),
    size: line(size),
    diffIDs: list(diffIDs.map((digest) => line(digest))),
  })
}

/** Each item on one line, its keys in the order of the schema. */
function entries(shape: object, items: readonly object[]): string {
  return list(
    items.map((item) => {
      const values = item as Record<string, Json>
      return line(Object.fromEntries(Object.keys(shape).map((key) => [key, values[key] as Json])))
    }),
  )
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
