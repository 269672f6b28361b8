import { readdir, rm, stat } from 'node:fs/promises'
import { join } from 'node:path'
import { execa } from 'execa'
import { findLostLayers, removeLostLayers } from '../../engine/private/lost-layers.ts'
import { type PrivateEngine, privateEngine, runningEngine } from '../../engine/private/private-engine.ts'
import { lockEngines, stopEngine } from '../../engine/private/stop-engine.ts'
import { isRunning } from '../../store/owner.ts'
import type { Cache, Cancellation, Reporting } from '../ports.ts'
import type { PruneItem, PruneOptions } from './prune-item.ts'

type Ports = Cache & Cancellation & Reporting

/**
 * What private engines keep in the cache directory: layers that they lost, engines of verifications that are gone, root file
 * systems of earlier releases.
 *
 * @param users processes that use the cache now: an engine may be theirs
 */
export async function findEngines(
  ports: Ports,
  options: PruneOptions,
  users: readonly number[],
): Promise<PruneItem[]> {
  // an engine that is stopped may be about to start
  const mayGo = options.all && options.keep.length === 0 && users.length === 0
  const { base, root, clients } = privateEngine(ports.cache)
  const names = await readdir(base).catch(() => [])
  const engines: { engine: PrivateEngine; runs: boolean }[] = []
  for (const name of names) {
    const isOne = await stat(join(base, name, 'store')).catch(() => undefined)
    if (!isOne) continue
    const engine = privateEngine(ports.cache, name)
    engines.push({ engine, runs: (await runningEngine(engine)) !== undefined })
  }
  const old = names
    .filter((name) => /^(root|bin)\./.test(name))
    .map((name) => join(base, name))
    .filter((path) => path !== root && path !== clients)
  const anyRuns = engines.some(({ runs }) => runs)
  return [
    ...(await Promise.all(engines.map((one) => engineItems(ports, mayGo, one)))).flat(),
    ...(await Promise.all(
      old.map(
        async (path): Promise<PruneItem> => ({
          kind: 'engine',
          what: `${path}, of an earlier stillroom`,
          bytes: await diskUsage([path]),
          keptFor: anyRuns ? 'an engine runs' : null,
          remove: () => rm(path, { recursive: true, force: true }),
        }),
      ),
    )),
  ]
}

async function engineItems(
  ports: Ports,
  mayGo: boolean,
  { engine, runs }: { engine: PrivateEngine; runs: boolean },
): Promise<PruneItem[]> {
  const { name, directory } = engine
  const { signal } = ports
  const note = (text: string) => ports.progress({ kind: 'note', text })
  const ownerIsGone = isOfGoneVerification(name)
  if (ownerIsGone || (mayGo && !runs)) {
    return [
      {
        kind: 'engine',
        what: `engine "${name}"${ownerIsGone ? ', of a verification that is gone' : ', stopped'}`,
        bytes: await diskUsage([directory]),
        keptFor: null,
        remove: async () => {
          await stopEngine(engine, { purge: true, signal, note })
          if (ownerIsGone) await rm(join(ports.cache, name), { recursive: true, force: true })
        },
      },
    ]
  }
  const data: PruneItem = {
    kind: 'engine',
    what: `engine "${name}", ${runs ? 'running' : 'stopped'}`,
    bytes: runs ? null : await diskUsage([directory]),
    keptFor: `of stillroom engine; remove it: stillroom engine down --purge --name ${name}`,
  }
  return [data, ...(await lostLayers(ports, engine, runs))]
}

async function lostLayers(
  { signal, progress }: Ports,
  engine: PrivateEngine,
  runs: boolean,
): Promise<PruneItem[]> {
  const note = (text: string) => progress({ kind: 'note', text })
  const what = `layers that engine "${engine.name}" has lost`
  const found = await findLostLayers(engine).catch((error: unknown) => String(error))
  if (typeof found === 'string')
    return [{ kind: 'lost layers', what, bytes: null, keptFor: `its records cannot be read: ${found}` }]
  if (found.length === 0) return []
  return [
    {
      kind: 'lost layers',
      what: `${found.length} ${what}`,
      bytes: await diskUsage(found),
      keptFor: runs ? `it runs; first: stillroom engine down --name ${engine.name}` : null,
      remove: async () => {
        await using _lock = await lockEngines(engine, { signal, note })
        await removeLostLayers(engine, found)
      },
    },
  ]
}

/** `verify` names engines of its own after its process. */
function isOfGoneVerification(name: string): boolean {
  const [, pid] = /^verify-(\d+)$/.exec(name) ?? []
  return pid !== undefined && !isRunning(Number(pid))
}

/** What directories take of the disk; null when that cannot be seen. */
async function diskUsage(paths: readonly string[]): Promise<number | null> {
  const { stdout } = await execa(
    'du',
    ['--summarize', '--total', '--block-size=1', '--one-file-system', '--files0-from=-'],
    { input: paths.join('\0'), reject: false },
  )
  const [, total] = /^(\d+)\ttotal$/m.exec(stdout) ?? []
  return total === undefined ? null : Number(total)
}
