import { parseRequirement } from './requirement.ts'

/** What one requirements file of pip's says; what it names is not read. */
export interface RequirementsText {
  /** As they are written, with the hashes behind them. */
  requirements: string[]
  /** Other files, as they are named. */
  includes: { kind: 'requirements' | 'constraints'; path: string }[]
  /** What cannot be taken over: line, counted from 1, and why. */
  problems: { line: number; reason: string }[]
}

const INDEX =
  "indexes are a setting of the machine; name that of a single requirement in the recipe: { requirement: 'NAME', index: 'https://...' }"
const LOCAL = "directories are installed by the recipe: pip([...], { local: [{ path: '/opt/NAME' }] })"
const FORMATS =
  'which projects may come as source is said in the recipe: pip([...], { sdists: { NAME: [...] } })'

/** Why an option is refused. */
const REFUSED: Record<string, string> = {
  '-i': INDEX,
  '--index-url': INDEX,
  '--extra-index-url': INDEX,
  '--no-index': INDEX,
  '-f': INDEX,
  '--find-links': INDEX,
  '--trusted-host': INDEX,
  '-e': LOCAL,
  '--editable': LOCAL,
  '--no-binary': FORMATS,
  '--only-binary': FORMATS,
  '--prefer-binary': FORMATS,
  '--pre': 'name the pre-releases that are wanted: NAME==1.0rc1, NAME>=1.0rc1',
}
const INCLUDES: Record<string, 'requirements' | 'constraints'> = {
  '-r': 'requirements',
  '--requirement': 'requirements',
  '-c': 'constraints',
  '--constraint': 'constraints',
}

/**
 * Reads a requirements file (pip's "Requirements File Format"): requirements with markers and hashes, `-r` and `-c`, comments,
 * lines continued by a backslash. Options that would change where or how pip looks for anything are problems.
 */
export function parseRequirementsFile(text: string): RequirementsText {
  const found: RequirementsText = { requirements: [], includes: [], problems: [] }
  for (const { line, text: written } of logicalLines(text)) {
    const problem = (reason: string) => found.problems.push({ line, reason })
    const [, option, value = ''] =
      /^(--?[a-z][a-z-]*?|-[a-z])(?:(?:\s+|=|(?<=^-[a-z]))(\S.*))?$/.exec(written) ?? []
    if (/\$\{[A-Z0-9_]+\}/.test(written)) problem('variables of the environment are not read')
    else if (option === undefined) {
      if (parseRequirement(written) !== undefined) found.requirements.push(written)
      else problem(`"${written}" is not a requirement${/^[./]|^file:/.test(written) ? `: ${LOCAL}` : ''}`)
    } else if (Object.hasOwn(INCLUDES, option))
      found.includes.push({ kind: INCLUDES[option] ?? 'requirements', path: value })
    // every file is pinned by its hash, whatever the option
    else if (option !== '--require-hashes')
      problem(`"${option}": ${REFUSED[option] ?? 'the option is not known'}`)
  }
  return found
}

/** Lines without comments, continued ones joined, with the number of the first. */
function logicalLines(text: string): { line: number; text: string }[] {
  const lines: { line: number; text: string }[] = []
  let begun: { line: number; text: string } | undefined
  for (const [index, raw] of text
    .replace(/^\ufeff/, '')
    .split(/\r?\n/)
    .entries()) {
    const isComment = /^\s*#/.test(raw)
    const continued = !isComment && raw.endsWith('\\')
    const part = isComment ? '' : continued ? raw.slice(0, -1) : raw
    begun = { line: begun?.line ?? index + 1, text: (begun?.text ?? '') + part }
    if (continued) continue
    lines.push(begun)
    begun = undefined
  }
  if (begun !== undefined) lines.push(begun)
  return lines
    .map(({ line, text: written }) => ({ line, text: written.replace(/(^|\s)#.*$/, '').trim() }))
    .filter(({ text: written }) => written !== '')
}
