import { requirementName, versionInFileName } from '../../formats/python/distribution-name.ts'
import { meetsRequirement } from '../../formats/python/meets-requirement.ts'
import { bareAddress, parseRequirement } from '../../formats/python/requirement.ts'
import { isSameVersion } from '../../formats/versions/compare-pep440.ts'
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
    ...step.requirements.flatMap((text) => compareAddress(text, pinned)),
  ]
}

/** What is installed meets each constraint on it that counts everywhere. */
export function compareConstraints({ constraints = [] }: PipStep, pinned: LockedPip): Contradiction[] {
  const installed = new Set([...pinned.files, ...pinned.local].map(({ name }) => name))
  const concerned = constraints.filter((text) => installed.has(requirementName(text)))
  return [
    ...unmet('constraints', concerned, [...pinned.files, ...pinned.local]),
    ...concerned.flatMap((text) => compareAddress(text, pinned)),
  ]
}

/** Each project is taken from the index that the recipe, or a file of it, names for it. */
export function compareIndexes({ indexes = {}, files }: PipStep, pinned: LockedPip): Contradiction[] {
  return pinned.files.flatMap(({ name, index }) =>
    own(indexes, name) === undefined && files !== undefined
      ? []
      : unequal(`files["${name}"].index`, index, own(indexes, name)),
  )
}

/** A requirement by address is met by the file of that address alone, or by what pip found of it. */
function compareAddress(requirement: string, { files, provided }: LockedPip): Contradiction[] {
  const { name, url, marker } = parseRequirement(requirement) ?? {}
  const file = files.find((each) => each.name === name)
  // it may not count here, or be there from that address
  const isThere = provided.some((each) => each.name === name)
  if (url === undefined || (file === undefined && (marker !== undefined || isThere))) return []
  return unequal(`files["${name}"].url`, file?.url, bareAddress(url))
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
    // one with a marker counts on some machines only; of several, any may be the one that does
    const marked = requirements.filter(
      (text) => parseRequirement(text)?.marker && requirementName(text) === requirementName(requirement),
    )
    const isMarked = marked.includes(requirement)
    const isMet = isMarked
      ? versions.every(({ version }) => marked.some((text) => meetsRequirement(version, text)))
      : versions.length > 0 && versions.every(({ version }) => meetsRequirement(version, requirement))
    if (isMet) return []
    const locked = versions.map(({ version }) => version).join(', ')
    return [{ field: `${field}["${requirement}"]`, locked: locked || undefined, wanted: requirement }]
  })
}

/** What is fetched as a version of a project is that by its file's name. */
function compareFile(field: string, { name, version, file }: PythonFile): Contradiction[] {
  if (isSameVersion(versionInFileName(file, name), version)) return []
  return [{ field: `${field}["${name}"].file`, locked: file, wanted: `${name} ${version}` }]
}
