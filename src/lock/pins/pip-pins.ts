import { normalizeName, requirementName } from '../../formats/python/distribution-name.ts'
import { meetsRequirement } from '../../formats/python/meets-requirement.ts'
import type { PipStep } from '../../recipe/schema.ts'
import type { Json } from '../canonical-json.ts'
import type { LockedPip, PythonFile } from '../schema.ts'
import { type Contradiction, unequal } from './pin.ts'

/** Each requirement is met by a file, by what was there before, or by a directory of the image. */
export function compareRequirements(step: PipStep, pinned: LockedPip): Contradiction[] {
  const entries = [...pinned.provided, ...pinned.files, ...pinned.local]
  return [
    ...unmet('requirements', step.requirements, entries),
    ...pinned.files.flatMap((file) => compareFile('files', file)),
  ]
}

/** The directories of the image that are installed, in the recipe's order. */
export function compareLocal({ local = [] }: PipStep, pinned: LockedPip): Contradiction[] {
  const count = Math.max(local.length, pinned.local.length)
  return Array.from({ length: count }, (_, i) => i).flatMap((i) => [
    ...unequal(`local[${i}].path`, pinned.local[i]?.path, local[i]?.path),
    ...unequal(`local[${i}].editable`, pinned.local[i]?.editable, local[i]?.editable),
  ])
}

/** What the recipe admits as source comes as source, with what builds it; nothing else does. */
export function compareSources(step: PipStep, pinned: LockedPip): Contradiction[] {
  const isSource = ({ file }: PythonFile) => !file.endsWith('.whl')
  const sources = new Set(pinned.files.filter(isSource).map(({ name }) => name))
  const kinds = pinned.files.flatMap((file) =>
    isSource(file) === Object.hasOwn(step.sdists, file.name)
      ? []
      : [{ field: `files["${file.name}"].file`, locked: file.file, wanted: wantedKind(isSource(file)) }],
  )
  const builders = [...new Set([...Object.keys(step.sdists), ...Object.keys(pinned.build)])].flatMap(
    (name): Contradiction[] => {
      const field = `build["${name}"]`
      const [requirements, files] = [own(step.sdists, name), own(pinned.build, name)]
      if (!sources.has(name))
        return files === undefined ? [] : [{ field, locked: listOf(files), wanted: undefined }]
      return [
        ...unmet(field, requirements ?? [], files ?? []),
        ...(files ?? []).flatMap((file) => compareFile(field, file)),
        ...(requirements?.length === 0 && files?.length
          ? [{ field, locked: listOf(files), wanted: [] }]
          : []),
      ]
    },
  )
  return [...kinds, ...builders]
}

/** A project may have the name of what every object has, such as `constructor`. */
function own<T>(record: Readonly<Record<string, T>>, name: string): T | undefined {
  return Object.hasOwn(record, name) ? record[name] : undefined
}

const wantedKind = (isSource: boolean) => (isSource ? 'a wheel' : 'a source distribution')
const listOf = (files: readonly PythonFile[]): Json => files.map(({ file }) => file)

function unmet(
  field: string,
  requirements: readonly string[],
  entries: readonly { name: string; version: string }[],
): Contradiction[] {
  return requirements.flatMap((requirement) => {
    const versions = entries.filter(({ name }) => name === requirementName(requirement))
    const isMet =
      versions.length > 0 && versions.every(({ version }) => meetsRequirement(version, requirement))
    if (isMet) return []
    const locked = versions.map(({ version }) => version).join(', ')
    return [{ field: `${field}["${requirement}"]`, locked: locked || undefined, wanted: requirement }]
  })
}

/** What is fetched as a version of a project is that by its file's name (PEP 427, PEP 625 and older habits). */
function compareFile(field: string, { name, version, file }: PythonFile): Contradiction[] {
  const stem = file.endsWith('.whl')
    ? file.split('-').slice(0, 2).join('-')
    : file.replace(/\.(tar\.(gz|bz2)|zip)$/, '')
  if (normalizeName(stem) === normalizeName(`${name}-${version}`)) return []
  return [{ field: `${field}["${name}"].file`, locked: file, wanted: `${name} ${version}` }]
}
