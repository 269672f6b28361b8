import { StillroomError } from '../../error.ts'
import { redactUrl } from '../../net/redact-url.ts'
import { type GitRunner, runLocalGit } from './run-git.ts'

/** As the recipe's own: https, http, ssh, file or `user@host:path`, and no login. */
const ALLOWED =
  /^((https?:\/\/[^/?#\s@]+\/|ssh:\/\/([^/?#\s:@]+@)?[^/?#\s@]+\/|file:\/\/\/)[^?#\s]+|[A-Za-z0-9_.-]+@[A-Za-z0-9.-]+:(?!\/\/)[^?#\s]+)$/

/**
 * Addresses of submodules by path, as `.gitmodules` gives them (gitmodules(5)); relative ones are resolved.
 *
 * @param blob id of `.gitmodules`
 * @param parent address of the repository
 * @throws {StillroomError} GIT_SUBMODULE_INVALID when an address is not one that stillroom fetches from
 */
export async function readSubmodules(
  directory: string,
  blob: string,
  parent: string,
  runner: GitRunner,
): Promise<Map<string, string>> {
  const listing = await runLocalGit(runner, ['-C', directory, 'config', '--blob', blob, '-z', '--list'])
  const modules = new Map<string, { path?: string; url?: string }>()
  for (const record of listing.toString('latin1').split('\0')) {
    const [, name, key, value] = /^submodule\.(.*)\.(path|url)\n(.*)$/s.exec(record) ?? []
    if (name === undefined) continue
    modules.set(name, { ...modules.get(name), [key as string]: value })
  }
  const found = [...modules.values()].flatMap(({ path, url }): [string, string][] =>
    path === undefined || url === undefined ? [] : [[path, checked(submoduleUrl(parent, url), parent)]],
  )
  return new Map(found)
}

/** `./` and `../` at the beginning go up in the parent's path, as `git submodule` takes them. */
export function submoduleUrl(parent: string, url: string): string {
  if (!/^\.\.?(\/|$)/.test(url)) return url
  let base = parent.replace(/\/+$/, '')
  let rest = url
  for (;;) {
    if (rest === '.' || rest.startsWith('./')) rest = rest.slice(2)
    else if (rest === '..' || rest.startsWith('../')) {
      rest = rest.slice(3)
      base = base.replace(/[/:][^/:]*$/, (end) => (end.startsWith(':') ? ':' : ''))
    } else break
  }
  const separator = base.endsWith(':') ? '' : '/'
  return `${base}${rest === '' ? '' : separator}${rest.replace(/\/+$/, '')}`
}

function checked(url: string, parent: string): string {
  const fits = ALLOWED.test(url) && (!url.startsWith('file:') || parent.startsWith('file:'))
  if (fits) return url
  const shown = redactUrl(url)
  throw new StillroomError(
    'GIT_SUBMODULE_INVALID',
    `${parent} has a submodule at an address that cannot be fetched: ${JSON.stringify(shown)}`,
    { hint: 'it must be https://, ssh:// or user@host:path, without a login; or set submodules: false' },
  )
}
