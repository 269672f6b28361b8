/** PEP 503: runs of `-`, `_` and `.` are one `-`, and case does not matter. */
export function normalizeName(name: string): string {
  return name.toLowerCase().replace(/[-_.]+/g, '-')
}

/** The name that a requirement begins with (PEP 508), normalised. */
export function requirementName(requirement: string): string {
  return normalizeName(/^[A-Za-z0-9._-]+/.exec(requirement)?.[0] ?? requirement)
}

/**
 * Name and version that a wheel's (PEP 427) or a source distribution's (PEP 625 and older habits) file name states;
 * undefined for any other file.
 */
export function parseFileName(file: string): { name: string; version: string } | undefined {
  const wheel = /^([^-]+)-([^-]+)(-\d[^-]*)?-[^-]+-[^-]+-[^-]+\.whl$/.exec(file)
  const sdist = /^(.+)-([^-]+)\.(tar\.gz|zip|tar\.bz2)$/.exec(file)
  const match = wheel ?? sdist
  if (!match) return undefined
  return { name: normalizeName(match[1] as string), version: match[2] as string }
}
