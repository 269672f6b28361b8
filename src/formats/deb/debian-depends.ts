/** Debian policy 7.1, written as in control files; `<` and `>` are old spellings of `<=` and `>=`. */
export type Operator = '<<' | '<=' | '=' | '>=' | '>>'

export interface Dependency {
  name: string
  /** `any`, `native` or an architecture: what stands after the colon in `python3:any`. */
  qualifier?: string
  version?: { operator: Operator; version: string }
  /** `[amd64 !i386]`: where the dependency applies; never in an index, but in source packages. */
  architectures?: string[]
}

const DEPENDENCY =
  /^([a-z0-9][a-z0-9+.-]*)(?::([a-z0-9-]+))?\s*(?:\(\s*(<<|<=|=|>=|>>|<|>)\s*([^\s)]+)\s*\))?\s*(?:\[([^\]]*)\])?\s*((?:<[^>]*>\s*)*)$/i

const OLD_SPELLING: Record<string, Operator> = { '<': '<=', '>': '>=' }

/**
 * Reads a relationship field such as Depends (Debian policy 7.1): all groups are needed, one of each group's
 * alternatives is enough, in order of preference. Also reads Provides, where each group has one entry.
 * Build profiles (`<!nocheck>`) are read over.
 *
 * @throws {SyntaxError} when an entry isn't a dependency; callers name the package.
 * @example
 * ```ts
 * parseDepends('debconf (>= 0.5) | debconf-2.0, libc6')
 * // [[{ name: 'debconf', version: { operator: '>=', version: '0.5' } }, { name: 'debconf-2.0' }], [{ name: 'libc6' }]]
 * ```
 */
export function parseDepends(field: string): Dependency[][] {
  return field
    .split(',')
    .map((group) => group.trim())
    .filter((group) => group !== '')
    .map((group) => group.split('|').map((entry) => parseDependency(entry.trim())))
}

function parseDependency(entry: string): Dependency {
  const match = DEPENDENCY.exec(entry)
  if (match === null) throw new SyntaxError(`cannot read dependency "${entry}"`)
  const [, name, qualifier, operator, version, architectures] = match
  return {
    name: name as string,
    ...(qualifier === undefined ? {} : { qualifier }),
    ...(operator === undefined || version === undefined
      ? {}
      : { version: { operator: OLD_SPELLING[operator] ?? (operator as Operator), version } }),
    ...(architectures === undefined ? {} : { architectures: architectures.trim().split(/\s+/) }),
  }
}

/** Whether a dependency counts on an architecture, by its `[...]` restriction (Debian policy 7.1). */
export function appliesTo(dependency: Dependency, architecture: string): boolean {
  const names = dependency.architectures
  if (names === undefined) return true
  if (names.includes(`!${architecture}`)) return false
  return names.every((name) => name.startsWith('!')) || names.includes(architecture) || names.includes('any')
}
