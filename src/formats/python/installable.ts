import { explain, satisfies, validRange } from '@renovatebot/pep440'
import { comparePep440 } from '../versions/compare-pep440.ts'

/** What a Python of an image is, as far as it decides which files its pip takes: CPython on Linux on x86_64. */
export interface PythonPlatform {
  /** `3.11.2`; only `3.11` when no more is known. */
  version: string
  /** The C library, for wheels with compiled code; undefined when it is not known. */
  libc?: { kind: 'glibc' | 'musl'; version: string } | undefined
  /** Version of its pip. */
  pip: string
}

/**
 * Whether a Python meets what a file says it requires (`Requires-Python`). What can't be read is met, as for pip; a version
 * of which the last number is not known must meet it whatever that is.
 */
export function meetsPython({ version }: Pick<PythonPlatform, 'version'>, required: string): boolean {
  const specifiers = required.replace(/\s+/g, '')
  if (specifiers === '' || !validRange(specifiers)) return true
  const possible = /^\d+\.\d+$/.test(version) ? [`${version}.0`, `${version}.99`] : [version]
  return possible.every((each) => satisfies(each, specifiers, { prereleases: true }))
}

/** Whether a version is one that pip takes only where it is asked for, or where there is no other (PEP 440). */
export function isPrerelease(version: string): boolean {
  return explain(version)?.is_prerelease ?? false
}

const TAGS = /-([^-]+)-([^-]+)-([^-]+)\.whl$/

/** Whether one of the tags of a wheel's name fits (PyPA, "Platform compatibility tags"); a file of another kind has none. */
export function fitsWheel(file: string, platform: PythonPlatform): boolean {
  const [, pythons = '', abis = '', platforms = ''] = TAGS.exec(file) ?? []
  if (pythons === '') return false
  return pythons
    .split('.')
    .some((python) =>
      abis
        .split('.')
        .some(
          (abi) =>
            fitsPython(python, abi, platform.version) &&
            platforms.split('.').some((name) => fitsPlatform(name, platform)),
        ),
    )
}

function fitsPython(python: string, abi: string, version: string): boolean {
  const [major = 0, minor = 0] = version.split('.').map(Number)
  const [, kind, wantedMajor, wantedMinor] = /^(py|cp)(\d)(\d*)$/.exec(python) ?? []
  if (kind === undefined || Number(wantedMajor) !== major) return false
  const isOlder = wantedMinor === '' ? kind === 'py' : Number(wantedMinor) < minor
  const isSame = wantedMinor !== '' && Number(wantedMinor) === minor
  if (kind === 'py') return abi === 'none' && (isOlder || isSame)
  if (abi === 'abi3') return isSame || (isOlder && Number(wantedMinor) >= 2)
  // up to 3.7 the ABI says how memory is allocated
  const own = `cp${major}${minor}${minor <= 7 ? 'm' : ''}`
  return isSame && (abi === own || abi === 'none')
}

/** The oldest glibc that the names of before PEP 600 stand for, and the pip that learned them. */
const MANYLINUX: Record<string, { glibc: string; pip: string }> = {
  manylinux1: { glibc: '2.5', pip: '8.1' },
  manylinux2010: { glibc: '2.12', pip: '19.0' },
  manylinux2014: { glibc: '2.17', pip: '19.3' },
}
const PERENNIAL = { manylinux: '20.3', musllinux: '21.2' }

function fitsPlatform(name: string, { libc, pip }: PythonPlatform): boolean {
  if (name === 'any') return true
  const [, system = '', major, minor] = /^([a-z0-9]+)(?:_(\d+)_(\d+))?_x86_64$/.exec(name) ?? []
  if (libc === undefined) return false
  const isAtLeast = (have: string, wanted: string) => comparePep440(have, wanted) >= 0
  if (system === 'linux' && major === undefined) return true
  if (major === undefined) {
    const old = Object.hasOwn(MANYLINUX, system) ? MANYLINUX[system] : undefined
    return (
      old !== undefined &&
      libc.kind === 'glibc' &&
      isAtLeast(libc.version, old.glibc) &&
      isAtLeast(pip, old.pip)
    )
  }
  if (system !== 'manylinux' && system !== 'musllinux') return false
  const isOurs = libc.kind === (system === 'manylinux' ? 'glibc' : 'musl')
  return isOurs && isAtLeast(libc.version, `${major}.${minor}`) && isAtLeast(pip, PERENNIAL[system])
}
