import { StillroomError } from '../error.ts'
import { type AptSource, aptSourceFiles } from '../formats/deb/apt-sources.ts'
import type { DebianArchive } from '../lock/schema.ts'
import { redactUrl } from '../net/redact-url.ts'
import { aptLogins } from './find-credentials.ts'
import type { Machine } from './machine.ts'
import type { SourcesConfig } from './schema.ts'

export interface DebianSources {
  /** Roots of each archive's live mirrors, the preferred one first; never empty. */
  debian: Record<DebianArchive, string[]>
  /** Root of a snapshot service; undefined when none is to be asked. */
  snapshot: string | undefined
  /** Root of an archive of old releases, where `debian` and `debian-security` lie below; undefined when none is to be asked. */
  oldReleases: string | undefined
}

/** What is asked when no setting names another: Debian's own services. */
export type StandardServices = () => Promise<{ snapshot: string; oldReleases: string }>

type Mirrors = Partial<Record<DebianArchive, string[]>>

/** What a mirror of a snapshot service looks like in apt's sources. */
const SNAPSHOT = /^(https?:\/\/.+)\/archive\/debian(-security)?\/[0-9]{8}T[0-9]{6}Z$/

/**
 * Finds Debian's archives: STILLROOM_DEBIAN and STILLROOM_DEBIAN_SECURITY (several URLs separated by spaces), then the
 * configuration, then apt's own sources, then debootstrap's default. The first that knows an archive decides on it.
 * Who names only a `.../debian` is taken to have `.../debian-security` beside it. URLs get the login that apt's
 * auth.conf has for them. A snapshot service is that of STILLROOM_SNAPSHOT, the configuration, or apt's sources; else the
 * standard one; the archive of old releases likewise, but for apt's sources. Of both `none` means none.
 *
 * @throws {StillroomError} SOURCE_UNKNOWN when an archive isn't found; CONFIG_INVALID when a variable is not a URL.
 */
export async function findDebianSources(
  env: Readonly<Record<string, string | undefined>>,
  config: SourcesConfig,
  machine: Machine,
  standard?: StandardServices,
): Promise<DebianSources> {
  const [fromApt, addLogin] = await Promise.all([aptMirrors(machine), aptLogins(machine)])
  const isLive = (uri: string): boolean => !SNAPSHOT.test(uri)
  const candidates: Mirrors[] = [
    { debian: urls(env, 'STILLROOM_DEBIAN'), 'debian-security': urls(env, 'STILLROOM_DEBIAN_SECURITY') },
    { debian: config.debian ?? [], 'debian-security': config.debianSecurity ?? [] },
    { debian: fromApt.debian.filter(isLive), 'debian-security': fromApt['debian-security'].filter(isLive) },
    { debian: await debootstrapMirror(machine) },
  ]
  const known = candidates.map(withSibling)
  const first = (archive: DebianArchive): string[] => {
    const found = known.map((mirrors) => mirrors[archive] ?? []).find((mirrors) => mirrors.length > 0)
    if (found !== undefined) return found.map(addLogin)
    throw new StillroomError(
      'SOURCE_UNKNOWN',
      `cannot find a mirror of Debian's archive "${archive}" on this machine`,
      {
        hint: 'name one: STILLROOM_DEBIAN=https://mirror.example.org/debian, or sources.debian in stillroom.config.ts',
      },
    )
  }
  const aptSnapshot = Object.values(fromApt)
    .flat()
    .map((uri) => SNAPSHOT.exec(uri)?.[1])
  const snapshot =
    service(env, 'STILLROOM_SNAPSHOT') ?? config.snapshot ?? aptSnapshot.find((root) => root !== undefined)
  const oldReleases = service(env, 'STILLROOM_OLD_RELEASES') ?? config.oldReleases
  const services = snapshot === undefined || oldReleases === undefined ? await standard?.() : undefined
  const chosen = (setting: string | undefined, usual: string | undefined) => {
    const root = setting ?? usual
    return root === undefined || root === 'none' ? undefined : addLogin(root)
  }
  return {
    debian: { debian: first('debian'), 'debian-security': first('debian-security') },
    snapshot: chosen(snapshot, services?.snapshot),
    oldReleases: chosen(oldReleases, services?.oldReleases),
  }
}

function service(env: Readonly<Record<string, string | undefined>>, name: string): string | undefined {
  return env[name]?.trim() === 'none' ? 'none' : urls(env, name)[0]
}

function withSibling(mirrors: Mirrors): Mirrors {
  if ((mirrors['debian-security'] ?? []).length > 0) return mirrors
  const siblings = (mirrors.debian ?? [])
    .filter((url) => url.endsWith('/debian'))
    .map((url) => `${url}-security`)
  return { ...mirrors, 'debian-security': siblings }
}

function urls(env: Readonly<Record<string, string | undefined>>, name: string): string[] {
  const words = (env[name] ?? '').split(/\s+/).filter((word) => word !== '')
  for (const word of words) {
    if (/^https?:\/\/./.test(word)) continue
    throw new StillroomError(
      'CONFIG_INVALID',
      `cannot use ${name}: expected an http or https URL, got "${redactUrl(word)}"`,
    )
  }
  return words.map((word) => word.replace(/\/+$/, ''))
}

async function aptMirrors(machine: Machine): Promise<Record<DebianArchive, string[]>> {
  const files = aptSourceFiles('/etc/apt', await machine.readDirectory('/etc/apt/sources.list.d'))
  const read = files.map(async ({ path, parse }) => parse((await machine.readFile(path)) ?? ''))
  return debianMirrors((await Promise.all(read)).flat())
}

const SUITE =
  /^(stretch|buster|bullseye|bookworm|trixie|forky|sid|(old)*stable|testing|unstable)(-updates|-backports|-proposed-updates|-security|\/updates)?$/

/**
 * Which of Debian's archives the entries point to: http and https only, entries with a Debian suite and the
 * component main only. What other vendors publish under the same suite names cannot be distinguished here; the
 * signatures do that. So the usual addresses, whose path ends in the archive's name, come first.
 */
function debianMirrors(sources: readonly AptSource[]): Record<DebianArchive, string[]> {
  const found: Record<DebianArchive, Set<string>> = { debian: new Set(), 'debian-security': new Set() }
  for (const source of sources) {
    if (!source.components.includes('main')) continue
    for (const suite of source.suites.filter((name) => SUITE.test(name))) {
      const archive = /-security$|\/updates$/.test(suite) ? 'debian-security' : 'debian'
      for (const uri of source.uris) {
        if (/^https?:\/\//.test(uri)) found[archive].add(uri.replace(/\/+$/, ''))
      }
    }
  }
  const usualFirst = (archive: DebianArchive): string[] => {
    const isUsual = (uri: string): boolean => uri.endsWith(`/${archive}`)
    const uris = [...found[archive]]
    return [...uris.filter(isUsual), ...uris.filter((uri) => !isUsual(uri))]
  }
  return { debian: usualFirst('debian'), 'debian-security': usualFirst('debian-security') }
}

/** debootstrap's default: what its Debian script sets, else the program's own where that is Debian's. */
async function debootstrapMirror(machine: Machine): Promise<string[]> {
  const script = (await machine.readFile('/usr/share/debootstrap/scripts/sid')) ?? ''
  const program = (await machine.readFile('/usr/sbin/debootstrap')) ?? ''
  const named =
    /^\s*default_mirror\s+["']?(https?:\/\/[^\s"']+)/m.exec(script)?.[1] ??
    /^\s*DEF_MIRROR=["']?(https?:\/\/[^\s"']+\/debian)\/?["']?\s*$/m.exec(program)?.[1]
  return named === undefined ? [] : [named.replace(/\/+$/, '')]
}
