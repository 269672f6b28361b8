import { createHash } from 'node:crypto'
import { compareCodeUnits, type Json } from '../canonical-json.ts'
import type { LockedBase, LockedPlatform, LockedStep, Lockfile } from '../schema.ts'
import type { FieldChange } from './schema.ts'

type Fields = Map<string, Json>

/**
 * What differs in two locks besides inputs, packages and images, so that no difference goes untold. Steps are named by
 * their kind and number among it: `apt 1`.
 */
export function diffDetails(a: Lockfile | null, b: Lockfile | null): FieldChange[] {
  const [left, right] = [detailsOf(a), detailsOf(b)]
  return [...new Set([...left.keys(), ...right.keys()])]
    .sort(compareCodeUnits)
    .map((field) => ({ field, from: left.get(field) ?? null, to: right.get(field) ?? null }))
    .filter(({ from, to }) => JSON.stringify(from) !== JSON.stringify(to))
}

function detailsOf(lock: Lockfile | null): Fields {
  const fields: Fields = new Map()
  if (lock === null) return fields
  fields.set('recipe', lock.recipe)
  fields.set('lockfileVersion', lock.lockfileVersion)
  for (const [name, platform] of Object.entries(lock.platforms) as [string, LockedPlatform][]) {
    const prefix = `${name}: `
    fields.set(`${prefix}epoch`, platform.epoch)
    for (const [field, value] of baseDetails(platform.base)) fields.set(`${prefix}base ${field}`, value)
    const counts = new Map<string, number>()
    for (const step of platform.steps) {
      const number = (counts.get(step.kind) ?? 0) + 1
      counts.set(step.kind, number)
      for (const [field, value] of stepDetails(step)) {
        fields.set(`${prefix}${step.kind} ${number} ${field}`, value)
      }
    }
  }
  return fields
}

function baseDetails(base: LockedBase): [string, Json][] {
  if (base.kind === 'debian') return [['seed', base.seed.toSorted(compareCodeUnits)]]
  if (base.kind === 'recipe') return [['recipe', base.recipe], ...configurationDetails(base)]
  const { index, config, layers } = base
  return [
    ['reference', base.reference],
    ['index', index],
    ['config', config],
    ...layers.map((layer, i): [string, Json] => [`layer ${i + 1}`, { ...layer }]),
    ...configurationDetails(base),
  ]
}

function configurationDetails({
  configuration,
  account,
}: Exclude<LockedBase, { kind: 'debian' }>): [string, Json][] {
  return [
    ...Object.entries({
      ...configuration,
      expose: configuration.expose.toSorted(compareCodeUnits),
      volumes: configuration.volumes.toSorted(compareCodeUnits),
    }).map(([name, value]): [string, Json] => [name, sorted(value)]),
    ['account', { ...account }],
  ]
}

function stepDetails(step: LockedStep): [string, Json][] {
  switch (step.kind) {
    case 'apt':
      return [['dpkg order', orderText(step.order)]]
    case 'pip':
      return [
        ['pip', step.pip],
        ...Object.keys(step.build).map((name): [string, Json] => [`builds ${name}`, true]),
        ...step.provided.map(({ name, version }): [string, Json] => [`provided ${name}`, version]),
        ...step.local.map((local, i): [string, Json] => [`local ${i + 1}`, { ...local }]),
      ]
    case 'git':
      return [
        ...step.submodules.map(({ path, ...rest }): [string, Json] => [`submodule ${path}`, rest]),
        ...step.lfs.map(({ path, ...rest }): [string, Json] => [`lfs ${path}`, rest]),
      ]
    case 'copy':
      return [
        ['recipe', step.recipe],
        ['path', step.path],
      ]
    case 'project':
      return [['step', true], ...(step.part ? [['left out', step.part] satisfies [string, Json]] : [])]
    case 'file':
    case 'run':
      return [['step', true]]
  }
}

/** Hundreds of names: who needs them reads the lockfile. */
function orderText(order: readonly string[]): string {
  const digest = createHash('sha256').update(order.join('\n')).digest('hex')
  return `${order.length} lines, sha256:${digest.slice(0, 12)}`
}

/** Records with their keys by code unit. */
function sorted(value: Json): Json {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) return value
  return Object.fromEntries(Object.entries(value).toSorted(([a], [b]) => compareCodeUnits(a, b)))
}
