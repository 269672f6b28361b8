import { stepName } from '../../dockerfile/step-name.ts'
import type { PackageKind } from '../../inventory/inventory.ts'
import type { BasePackage, DebianPackage, LockedPlatform, PythonFile } from '../../lock/schema.ts'

/** A package that the lock says is installed, and the step that brings it. */
export interface LockedPackage {
  kind: PackageKind
  name: string
  version: string
  architecture?: string
  environment?: string
  /** `base` or a step such as `apt-1`. */
  step: string
  artifact?: { file: string; size: number; sha256: string }
  /** Of a Python package that is required by address. */
  direct?: { url: string; sha256: string }
}

/** `deb/libc6`: how owners and subjects name a package. */
export function packageId({ kind, name }: { kind: PackageKind; name: string }): string {
  return `${kind}/${name}`
}

/** Packages of a lock as the last step leaves them, by kind and name: a later version replaces an earlier one. */
export function lockedPackages(locked: LockedPlatform | undefined): Map<string, LockedPackage> {
  const found = new Map<string, LockedPackage>()
  if (locked === undefined) return found
  const { base, steps } = locked
  const add = (entry: LockedPackage) => found.set(packageId(entry), entry)
  if (base.kind === 'debian') for (const entry of base.packages) add(fromDebian(entry, 'base'))
  else for (const entry of base.inventory) add(fromImage(entry))
  for (const [index, step] of steps.entries()) {
    const name = stepName(index, step.kind)
    if (step.kind === 'apt') for (const entry of step.packages) add(fromDebian(entry, name))
    if (step.kind !== 'pip') continue
    for (const entry of step.files) add(fromPython(entry, name))
    for (const { name: project, version } of step.local)
      add({ kind: 'pypi', name: project, version, step: name })
  }
  return found
}

/** Says whether a package was found in a base image when it was locked, in that version. */
export function inBase({ base }: LockedPlatform): (found: BasePackage) => boolean {
  const known = new Set(base.kind === 'debian' ? [] : base.inventory.map(versionId))
  return (found) => known.has(versionId(found))
}

function versionId({ kind, name, version, architecture = '' }: BasePackage): string {
  return JSON.stringify([kind, name, version, architecture])
}

function fromImage({ kind, name, version, architecture, environment }: BasePackage): LockedPackage {
  return {
    kind: kind as PackageKind,
    name,
    version,
    step: 'base',
    ...(architecture === undefined ? {} : { architecture }),
    ...(environment === undefined ? {} : { environment }),
  }
}

function fromDebian({ name, version, architecture, path, size, sha256 }: DebianPackage, step: string) {
  const file = path.slice(path.lastIndexOf('/') + 1)
  return { kind: 'deb' as const, name, version, architecture, step, artifact: { file, size, sha256 } }
}

function fromPython({ name, version, file, size, sha256, url }: PythonFile, step: string): LockedPackage {
  const direct = url === undefined ? {} : { direct: { url, sha256 } }
  return { kind: 'pypi', name, version, step, artifact: { file, size, sha256 }, ...direct }
}
