import { stripVTControlCharacters } from 'node:util'
import { StillroomError } from '../../error.ts'
import { normalizeName, requirementName, versionInFileName } from '../../formats/python/distribution-name.ts'
import { meetsRequirement } from '../../formats/python/meets-requirement.ts'
import { redactUrl } from '../../net/redact-url.ts'
import { sourceRefused } from './source-refused.ts'

/**
 * Names what pip refused, by its own words. Those of pip 20.3 to 25 are known; any other failure is PIP_FAILED with
 * the end of what it printed.
 *
 * @param log what pip wrote for `--log`: it tells only there of an index that it cannot read, and of what 20.3 found
 */
export function pipError(output: string, doing: string, log = ''): StillroomError {
  const text = stripVTControlCharacters(output)
  const errors = text
    .split('\n')
    .filter((line) => /^\s*(ERROR|error):/.test(line))
    .map((line) => line.trim())
  const sdist =
    /(?:Could not find a version|No matching distribution)[^\n]*?requirement ([A-Za-z0-9._-]+)/.exec(text)
  const unknown = /No matching distribution found for ([^\n(]+)/.exec(text)?.[1]?.trim()
  if (
    /ResolutionImpossible|conflicting dependencies|because these package versions have conflict/.test(text)
  ) {
    const conflict = text.slice(Math.max(0, text.search(/The conflict is caused by|Cannot install/)))
    const asSource = metBySourceAlone(conflict, log)
    return new StillroomError(
      'PIP_CONFLICT',
      `pip cannot meet the requirements together while ${doing}: ${firstLines(conflict, 12)}`,
      {
        hint:
          asSource.length > 0
            ? `only source is there of ${asSource.flatMap(({ files }) => files.slice(-3)).join(', ')}: ${allowSource(asSource.map(({ name }) => name))}`
            : 'loosen one of the requirements that pip names',
        details: { blamed: constraintsOf(conflict) },
      },
    )
  }
  const [, repository] = /^\s*(?:Cloning|Checking out) (?:hg |bzr )?(\S+)/m.exec(text) ?? []
  if (repository !== undefined)
    return sourceRefused([`  ${redactUrl(repository)}: it is a repository; pip failed while ${doing}`])
  const unread = unreadSources(`${stripVTControlCharacters(log)}\n${text}`)
  if (unread.length > 0) {
    return new StillroomError(
      'FETCH_FAILED',
      `pip could not read its sources while ${doing}:\n${unread.map((line) => `  ${line}`).join('\n')}`,
      { hint: "check the network, proxy and certificate set-up, and the login in the index' address" },
    )
  }
  if (unknown !== undefined) {
    const name = sdist?.[1] ?? unknown.replace(/[^A-Za-z0-9._-].*/, '')
    const discarded = discardedFiles(text)
    if (discarded.length > 0) {
      return new StillroomError(
        'PIP_PACKAGE_UNKNOWN',
        `pip finds no file for ${unknown} that it can use while ${doing}:\n${discarded.join('\n')}`,
        { hint: 'name another version', details: { blamed: [normalizeName(name)] } },
      )
    }
    const sources = allowedSources(unknown, log)
    return new StillroomError(
      'PIP_PACKAGE_UNKNOWN',
      `pip finds no file for ${unknown} while ${doing}: ${firstLines(errors.join('\n'), 4)}`,
      {
        hint:
          sources.length > 0
            ? `only source is there (${sources.slice(-3).join(', ')}): ${allowSource([name])}`
            : hasVersions(text, log, name)
              ? 'name a version that the index has for this Python'
              : `check the name; if the project comes as source only, ${allowSource([name])}`,
        // pip 20.3 says so of a project that a constraint leaves no version of
        details: { blamed: [normalizeName(name)] },
      },
    )
  }
  return new StillroomError('PIP_FAILED', `pip failed while ${doing}: ${lastLines(text, 15)}`)
}

/** Files that pip took up and put away, with its reason: their metadata is of another version, or could not be made. */
function discardedFiles(text: string): string[] {
  const lines = text.matchAll(/^\s*(?:WARNING: )?Discarding (\S+) .*?\)[.:] (.+)$/gm)
  return [...lines].map(([, url = '', reason = '']) => {
    const file = url.replace(/#.*/, '').split('/').at(-1)
    return `  ${file}: ${reason.replaceAll(/ from https?:\S+/g, '')}`
  })
}

/** The line of a recipe that lets projects come as source. */
export function allowSource(names: readonly string[]): string {
  const entries = names.map((name) => `${JSON.stringify(normalizeName(name))}: ['setuptools', 'wheel']`)
  return `allow it, with what builds it: pip([...], { sdists: { ${entries.join(', ')} } }); an empty list builds with what is installed`
}

/** Source distributions that would do, if they were allowed: pip names those in its log alone. */
function allowedSources(requirement: string, log: string): string[] {
  const name = requirementName(requirement)
  const found = log.matchAll(/No sources permitted for \S+: \S*\/([^/#\s]+)/g)
  const files = [...found]
    .map(([, file = '']) => file)
    .filter((file) => {
      const version = versionInFileName(file, name)
      return version !== undefined && meetsRequirement(version, requirement)
    })
  return [...new Set(files)]
}

/** Projects in a conflict of which no wheel, but a source distribution meets what others need of them. */
function metBySourceAlone(conflict: string, log: string): { name: string; files: string[] }[] {
  const needed = new Map<string, Set<string>>()
  for (const [, name = '', versions = ''] of conflict.matchAll(/ depends on ([A-Za-z0-9._-]+)([^\n;]*)/g)) {
    const requirements = needed.get(normalizeName(name)) ?? new Set()
    needed.set(normalizeName(name), requirements.add(name + versions.replaceAll(' and ', ',')))
  }
  return [...needed].flatMap(([name, requirements]) => {
    const files = [...requirements].flatMap((requirement) => allowedSources(requirement, log))
    const isMet = [...requirements].some((requirement) => wheels(requirement, log).length > 0)
    return files.length === 0 || isMet ? [] : [{ name, files: [...new Set(files)] }]
  })
}

/** Wheels that pip found for a requirement, and may take. */
function wheels(requirement: string, log: string): string[] {
  const name = normalizeName(requirementName(requirement))
  const files = [...log.matchAll(/Found link \S*\/([^/#\s]+\.whl)/g)].map(([, file = '']) => file)
  return files.filter((file) => {
    const [project = '', version = ''] = file.split('-')
    return normalizeName(project) === name && meetsRequirement(version, requirement)
  })
}

/** Whether pip found files of a project that it may take: pip 21 and later list them, 20.3 tells only in its log. */
function hasVersions(text: string, log: string, name: string): boolean {
  const searched = log.split('to search for versions of ').findLast((part) => part.startsWith(`${name}:`))
  return /\(from versions: (?!none\))/.test(text) || searched?.includes(' Found link ') === true
}

/** That an index has no page for a project (404) is an answer. */
const UNREAD = [
  /Could not fetch URL (\S+?): (?!404 )(?:connection error: )?(.+?) - skipping$/gm,
  /HTTP error (\d{3}) while getting (\S+)/g,
  /(Max retries exceeded with url: \S+ .*)$/gm,
  /(THESE PACKAGES DO NOT MATCH THE HASHES)/g,
  /(ReadTimeoutError.*|IncompleteRead.*|JSONDecodeError.*)$/gm,
]

/** What could not be got from where; an address is shown without its login. */
function unreadSources(text: string): string[] {
  const [first] = UNREAD.map((words) => [...text.matchAll(words)]).filter((found) => found.length > 0)
  const lines = (first ?? []).map(([, ...parts]) => redactUrl(parts.join(': ')))
  return [...new Set(lines)].slice(0, 5)
}

/** The projects whose constraint pip calls a cause of the conflict. */
function constraintsOf(conflict: string): string[] {
  const names = conflict.matchAll(/requested \(constraint\) ([A-Za-z0-9._-]+?)(?=[=<>!~ ]|$)/gm)
  return [...new Set([...names].map(([, name = '']) => normalizeName(name)))]
}

function firstLines(text: string, count: number): string {
  return text.trim().split('\n').slice(0, count).join('\n')
}

function lastLines(text: string, count: number): string {
  return text.trim().split('\n').slice(-count).join('\n')
}
