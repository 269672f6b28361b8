import type { PythonPlatform } from '../formats/python/installable.ts'
import { basePackages } from '../lock/base-packages.ts'
import type { LockedPlatform } from '../lock/schema.ts'

interface Installed {
  kind: string
  name: string
  version: string
  environment?: string | undefined
}

/**
 * The Python that a pip step of a lock installs for, by the packages that the lock names.
 *
 * @param index of the step
 * @returns undefined when the lock doesn't tell
 */
export function imagePython({ base, steps }: LockedPlatform, index: number): PythonPlatform | undefined {
  const step = steps[index]
  if (step?.kind !== 'pip') return undefined
  const debs = [
    ...basePackages(base),
    ...steps.slice(0, index).flatMap((each) => (each.kind === 'apt' ? each.packages : [])),
  ].map(({ name, version }) => ({ kind: 'deb', name, version }))
  // what a step installs takes the place of what a base brought
  const installed: Installed[] = [...debs.reverse(), ...(base.kind === 'debian' ? [] : base.inventory)]
  const version = pythonVersion(installed, step.pip)
  return version === undefined ? undefined : { version, libc: libcOf(installed), pip: step.pip }
}

/** That of the pip which resolved, when it lies in a directory of one version; else the system's own. */
function pythonVersion(installed: readonly Installed[], pip: string): string | undefined {
  const versions = installed
    .filter(({ kind, name, version }) => kind === 'pypi' && name === 'pip' && version === pip)
    .map(({ environment }) => /(?:^|\/)lib(?:64)?\/python(\d+\.\d+)\//.exec(environment ?? '')?.[1])
  const [own] = versions
  if (new Set(versions).size > 1) return undefined
  const full = (...names: string[]) =>
    installed
      .filter(({ kind, name }) => kind !== 'pypi' && names.includes(name))
      .flatMap(({ version }) => /^(?:\d+:)?(3\.\d+\.\d+)/.exec(version)?.[1] ?? [])
  if (own !== undefined) {
    const known = full('python', 'python3', `python${own}`, `python${own}-minimal`)
    const exact = new Set(known.filter((version) => version.startsWith(`${own}.`)))
    return exact.size === 1 ? [...exact][0] : own
  }
  // which of two is meant, the system's or that of conda, the lock doesn't tell
  if (full('python').length > 0) return undefined
  const [system] = full('python3-minimal', 'python3')
  if (system === undefined) return undefined
  const minor = system.split('.').slice(0, 2).join('.')
  return full(`python${minor}-minimal`, `python${minor}`)[0] ?? system
}

function libcOf(installed: readonly Installed[]): PythonPlatform['libc'] {
  const find = (...names: string[]) => {
    const found = installed.find(
      ({ kind, name }) => ['deb', 'rpm', 'apk'].includes(kind) && names.includes(name),
    )
    return /^(?:\d+:)?(\d+\.\d+)/.exec(found?.version ?? '')?.[1]
  }
  const [glibc, musl] = [find('libc6', 'glibc'), find('musl')]
  if (glibc !== undefined) return { kind: 'glibc', version: glibc }
  return musl === undefined ? undefined : { kind: 'musl', version: musl }
}
