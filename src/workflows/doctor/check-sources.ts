import { StillroomError } from '../../error.ts'
import { redactUrl } from '../../net/redact-url.ts'
import { Suite } from '../../recipe/schema.ts'
import { type Diagnostic, missing, ok, warning } from '../../report/doctor-table.ts'
import { archiveServices } from '../../resolve/debian/archive-services.ts'
import { findCertificates } from '../../sources/find-certificates.ts'
import { findDebianSources } from '../../sources/find-debian-sources.ts'
import { findCommitArchive, findStore } from '../../sources/find-mirrors.ts'
import { findPipSources } from '../../sources/find-pip-sources.ts'
import { localMachine } from '../../sources/machine.ts'
import type { SourcesConfig } from '../../sources/schema.ts'
import type { Environment, Project } from '../ports.ts'
import { type Probe, probeUrl } from '../probe-url.ts'
import { readConfig } from '../project/read-config.ts'

const CLOCK_SKEW_MS = 10 * 60_000
const RELEASES = Suite.options.map((suite) => `dists/${suite}/InRelease`)

export async function checkSources({
  directory,
  env,
  online,
}: Project &
  Environment & {
    /** Ask the mirror and the index whether they answer. */
    online: boolean
  }): Promise<Diagnostic[]> {
  let config: SourcesConfig = {}
  try {
    config = (await readConfig(directory)).sources ?? {}
  } catch (error) {
    return [unknownSource('configuration', error)]
  }
  const machine = localMachine(env)
  let ca: string | undefined
  try {
    ca = await findCertificates(env, config, machine)
  } catch (error) {
    return [unknownSource('certificates', error)]
  }
  const probe = online ? (url: string) => probeUrl(url, ca) : undefined
  const found = await Promise.all([
    findDebianSources(env, config, machine, archiveServices).then(
      async ({ debian, snapshot, oldReleases }) => [
        await checkSource('Debian mirror', debian.debian, probe, RELEASES),
        await checkService('Debian snapshots', snapshot, 'archive/debian/', 'STILLROOM_SNAPSHOT', probe),
        await checkService('old releases', oldReleases, 'debian/', 'STILLROOM_OLD_RELEASES', probe),
      ],
      (error) => [unknownSource('Debian mirror', error)],
    ),
    findPipSources(env, config.pypi ?? {}, machine).then(
      async ({ indexes, findLinks }) => [await checkIndex(indexes, findLinks, probe)],
      (error) => [unknownSource('Python index', error)],
    ),
    checkCommitArchive(env, config, probe),
    checkStore(env, config),
  ])
  return found.flat()
}

/** Where artifacts are asked for before all else. */
function checkStore(env: Environment['env'], config: SourcesConfig): Diagnostic[] {
  const what = 'store of a team'
  try {
    const name = findStore(env, config)
    return [ok(what, name ?? 'none: STILLROOM_STORE or sources.store names a repository of a registry')]
  } catch (error) {
    return [unknownSource(what, error)]
  }
}

/** Commits that their repositories lose are looked for there. */
async function checkCommitArchive(
  env: Environment['env'],
  config: SourcesConfig,
  ask: AskUrl,
): Promise<Diagnostic[]> {
  const what = 'archive of commits'
  const setting = 'STILLROOM_SOFTWARE_HERITAGE'
  try {
    return [await checkService(what, findCommitArchive(env, config), 'api/1/', setting, ask)]
  } catch (error) {
    return [unknownSource(what, error)]
  }
}

/** What is asked only for what others have no more: a build may well do without. */
async function checkService(
  what: string,
  root: string | undefined,
  path: string,
  setting: string,
  ask: AskUrl,
): Promise<Diagnostic> {
  if (root === undefined) return ok(what, `not asked: ${setting} or the configuration says "none"`)
  const checked = await checkSource(what, [root], ask, [path])
  if (checked.status !== 'missing') return checked
  const mend = `what others drop is not found from here; name another with ${setting}, or say none`
  return warning(what, checked.found, mend)
}

/** Asks for a URL; left out when nothing is to be asked online. */
type AskUrl = ((url: string) => Promise<Probe>) | undefined

async function checkIndex(indexes: string[], findLinks: string[], ask: AskUrl): Promise<Diagnostic> {
  const what = 'Python index'
  const found = [...indexes, ...findLinks]
  if (found.length > 0) return checkSource(what, found, indexes.length > 0 ? ask : undefined, [''])
  const mend = 'when a recipe uses pip: set PIP_INDEX_URL, or sources.pypi in stillroom.config.ts'
  return warning(what, 'none', mend)
}

async function checkSource(what: string, urls: string[], ask: AskUrl, paths: string[]): Promise<Diagnostic> {
  const [url = ''] = urls
  const found = redactUrl(urls.join(', '))
  if (!ask) return ok(what, found)
  let probe: Probe | undefined
  for (const path of paths) {
    probe = await ask(`${url.replace(/\/$/, '')}/${path}`)
    if (probe.answered) break
  }
  const mend = 'check the network, the proxy settings and the URL'
  if (!probe?.answered) return missing(what, `${found}: ${probe?.reason}`, mend)
  const skew = probe.date === undefined ? 0 : Math.abs(probe.date - Date.now())
  const answered = `${found}, answered in ${probe.milliseconds} ms`
  if (skew < CLOCK_SKEW_MS) return ok(what, answered)
  const clock = `its clock is ${Math.round(skew / 60_000)} minutes from this one`
  return warning(what, `${answered}; ${clock}`, 'fix the clock: signatures are checked against it')
}

function unknownSource(what: string, error: unknown): Diagnostic {
  if (!(error instanceof StillroomError)) throw error
  return missing(what, error.message, error.hint ?? 'name one in stillroom.config.ts')
}
