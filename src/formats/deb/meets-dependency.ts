import { compareDebian } from '../versions/compare-debian.ts'
import type { Dependency, Operator } from './debian-depends.ts'

/**
 * Whether a version meets a dependency on its package (Debian policy 7.1).
 *
 * @param version of the package or of what it provides; `undefined` meets only a dependency without version
 * @param architecture of the system: a dependency that is qualified by another is not met
 */
export function meetsDependency(
  version: string | undefined,
  dependency: Dependency,
  architecture: string,
): boolean {
  if (dependency.qualifier !== undefined && !['any', 'native', architecture].includes(dependency.qualifier)) {
    return false
  }
  if (dependency.version === undefined) return true
  return (
    version !== undefined &&
    HOLDS[dependency.version.operator](compareDebian(version, dependency.version.version))
  )
}

const HOLDS: Record<Operator, (difference: number) => boolean> = {
  '<<': (difference) => difference < 0,
  '<=': (difference) => difference <= 0,
  '=': (difference) => difference === 0,
  '>=': (difference) => difference >= 0,
  '>>': (difference) => difference > 0,
}
