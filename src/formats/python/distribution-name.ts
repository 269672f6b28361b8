/** PEP 503: runs of `-`, `_` and `.` are one `-`, and case does not matter. */
export function normalizeName(name: string): string {
  return name.toLowerCase().replace(/[-_.]+/g, '-')
}

/** The name that a requirement begins with (PEP 508), normalised. */
export function requirementName(requirement: string): string {
  return normalizeName(/^[A-Za-z0-9._-]+/.exec(requirement.trim())?.[0] ?? requirement)
}

const WHEEL = /^([^\s-]+)-([^\s-]+)(-\d[^-]*)?-[^\s-]+-[^\s-]+-[^\s-]+\.whl$/
/** What pip takes for an archive. */
const ARCHIVE = /\.(?:tar\.(?:gz|bz2|xz|lz|lzma)|tgz|tbz|txz|tlz|tar|zip)$/

/** Ending of a source distribution's file name, such as `.tar.gz`; undefined for any other file. */
export function archiveEnding(file: string): string | undefined {
  return ARCHIVE.exec(file)?.[0]
}

/**
 * Name and version that a wheel's file name states (PEP 427, where an underscore of a version stands for a dash), or a
 * source distribution's whose version has no dash; undefined for any other file.
 */
export function parseFileName(file: string): { name: string; version: string } | undefined {
  const [, name, version] = WHEEL.exec(file) ?? /^(.+)-([^-]+)$/.exec(stemOf(file) ?? '') ?? []
  if (name === undefined || version === undefined) return undefined
  return { name: normalizeName(name), version: file.endsWith('.whl') ? wheelVersion(version) : version }
}

/**
 * The version that a file of a project has by its name, read as pip reads it: in the name of a source distribution, what
 * comes before some dash is the project in any spelling, and all after it is the version, dashes and all (`h3-sd-1.0-beta.tar.gz`).
 *
 * @param name normalised as in PEP 503
 * @returns undefined for a file of another project, or of no kind that pip knows
 */
export function versionInFileName(file: string, name: string): string | undefined {
  const [, project = '', version] = WHEEL.exec(file) ?? []
  if (version !== undefined) return normalizeName(project) === name ? wheelVersion(version) : undefined
  const stem = stemOf(file) ?? ''
  for (let dash = stem.indexOf('-'); dash > 0; dash = stem.indexOf('-', dash + 1))
    if (normalizeName(stem.slice(0, dash)) === name && dash + 1 < stem.length) return stem.slice(dash + 1)
  return undefined
}

const stemOf = (file: string) => (ARCHIVE.test(file) ? file.replace(ARCHIVE, '') : undefined)
const wheelVersion = (version: string) => version.replaceAll('_', '-')
