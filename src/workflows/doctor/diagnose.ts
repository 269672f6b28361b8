import { type Diagnosis, type Diagnostic, missing, ok } from '../../report/doctor-table.ts'
import type { Environment, Project } from '../ports.ts'
import { listRecipes } from '../project/list-recipes.ts'
import { readLock } from '../project/lock-file.ts'
import { checkEngines } from './check-engines.ts'
import { checkCache, checkNode, checkProgram } from './check-machine.ts'
import { checkSources } from './check-sources.ts'

/** Looks at what this machine has and lacks for builds; changes nothing, and reports what can't be found out. */
export async function diagnose(options: Project & Environment & { online: boolean }): Promise<Diagnosis> {
  const findings = await Promise.all([
    checkNode(),
    checkProgram('git', ['--version'], '2.0.0', 'install git: projects of recipes are pinned by it'),
    checkEngines(options),
    checkCache(options),
    checkSources(options),
    checkClock(options),
  ])
  const all = findings.flat()
  return { ok: all.every(({ status }) => status !== 'missing'), findings: all }
}

/** Signatures are checked against the clock; what was signed before a lock was made can't be in its future. */
async function checkClock({ directory }: Project): Promise<Diagnostic> {
  const locks = await Promise.all(
    (await listRecipes(directory)).map((name) => readLock(directory, name).catch(() => undefined)),
  )
  const dates = locks.flatMap((lock) =>
    Object.values(lock?.platforms ?? {}).flatMap(({ base }) =>
      base.indexes.map(({ date }) => Date.parse(date)),
    ),
  )
  const latest = Math.max(0, ...dates)
  const found = new Date().toISOString()
  if (Date.now() >= latest) return ok('clock', found)
  const known = `${found}, but a lockfile here knows ${new Date(latest).toISOString()}`
  return missing('clock', known, 'fix the clock: signatures are checked against it')
}
