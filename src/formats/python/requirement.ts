import { normalizeName } from './distribution-name.ts'

/** A requirement of a Python project (PEP 508), and the hashes that a requirements file may state with it. */
export interface Requirement {
  /** Normalised as in PEP 503. */
  name: string
  /** As written, between the brackets. */
  extras: string[]
  /** PEP 440 specifiers, separated by commas; empty when any version will do or an address is given. */
  specifiers: string
  /** Where the one file lies that is required. */
  url?: string
  /** When it counts: what is written after the semicolon. */
  marker?: string
  /** sha256 in lower-case hex; of those files, one must be it. */
  hashes: string[]
}

const NAME = '[A-Za-z0-9](?:[A-Za-z0-9._-]*[A-Za-z0-9])?'
const EXTRAS = `\\[\\s*(?:${NAME}(?:\\s*,\\s*${NAME})*)?\\s*\\]`
const VERSION = '(?:===|==|~=|!=|<=|>=|<|>)\\s*[A-Za-z0-9.*+!_-]+'
const SPECIFIERS = `${VERSION}(?:\\s*,\\s*${VERSION})*(?:\\s*,)?`
/** Variables, strings, operators and parentheses of PEP 508: nothing that a shell or a terminal would read. */
const MARKER = '[A-Za-z0-9_.,\\s"\'()<>=!~+*/-]+'
const HASHES = '(?:\\s+--hash=[a-z0-9]+:[0-9A-Fa-f]+)*'
/** No white space stands beside other white space that may be none: many blanks would be tried in every division. */
const REQUIREMENT = new RegExp(
  `^\\s*(?<name>${NAME})(?:\\s*(?<extras>${EXTRAS}))?` +
    `(?:\\s*(?:(?<specifiers>${SPECIFIERS})|\\((?<quoted>${SPECIFIERS})\\)|@\\s*(?<url>[^\\s;]\\S*)))?` +
    `(?:\\s*;(?<marker>${MARKER}?))?(?<hashes>${HASHES})\\s*$`,
)

/**
 * Reads a requirement: `name[extras] >=1, <2 ; python_version < "3.12"` or `name @ https://example.org/name-1.0.tar.gz`,
 * perhaps with `--hash=sha256:...` behind it.
 *
 * @returns undefined for what is no requirement
 */
export function parseRequirement(text: string): Requirement | undefined {
  const groups = REQUIREMENT.exec(text)?.groups
  if (groups === undefined) return undefined
  const { name = '', extras = '', specifiers = groups.quoted ?? '', url, marker, hashes = '' } = groups
  const marked = marker?.trim()
  return {
    name: normalizeName(name),
    extras: extras.split(/[[\],\s]+/).filter((extra) => extra !== ''),
    specifiers: specifiers.replace(/\s+/g, '').replace(/,$/, ''),
    ...(url === undefined ? {} : { url }),
    ...(marked === undefined || marked === '' ? {} : { marker: marked }),
    hashes: [...hashes.matchAll(/--hash=sha256:([0-9A-Fa-f]{64})(?=\s|$)/g)].map(([, hex = '']) =>
      hex.toLowerCase(),
    ),
  }
}

/** The requirement as pip takes it on a command line: without the hashes. */
export function withoutHashes(text: string): string {
  return text.replace(/(\s+--hash=\S+)+\s*$/, '')
}

/** The address of a requirement without what its fragment says of the file. */
export function bareAddress(url: string): string {
  return url.replace(/#.*$/s, '')
}
