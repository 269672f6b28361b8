import { diffLocks } from '../../lock/diff/diff-locks.ts'
import type { Lockfile } from '../../lock/schema.ts'
import type { SourcesReport } from '../../verify/forecast.ts'
import type { History, HistoryRun } from '../../verify/history.ts'

export interface SiteRun {
  /** Of its section in the page. */
  id: string
  run: HistoryRun
  /** Packages that the lock changed since the recipe's run before; null when one of the locks isn't kept. */
  changes: { name: string; from: string | null; to: string | null }[] | null
  /** The first run of the recipe that the page shows. */
  first: boolean
}

export interface SiteRecipe {
  recipe: string
  /** By night; the last of a night stands for it. */
  nights: Map<string, SiteRun>
  runs: SiteRun[]
  sources: SourcesReport | undefined
}

export interface SiteData {
  /** Days with a run, ISO 8601, oldest first. */
  nights: string[]
  recipes: SiteRecipe[]
  problems: History['problems']
  /** Nights that are left out, being older. */
  omitted: number
}

/** Puts a history in order for the page: the last nights, each recipe's runs, and what its locks changed between. */
export function siteData(
  history: History,
  locks: ReadonlyMap<string, Lockfile>,
  { nights: most }: { nights: number },
): SiteData {
  const all = [...new Set(history.runs.map(({ at }) => night(at)))].sort()
  const nights = all.slice(-most)
  const shown = new Set(nights)
  const names = [...new Set(history.runs.map(({ recipe }) => recipe))].sort()
  const recipes = names.map((recipe): SiteRecipe => {
    const runs = history.runs.filter((run) => run.recipe === recipe && shown.has(night(run.at)))
    const entries = runs.map((run, i): SiteRun => {
      const before = runs[i - 1]
      return {
        id: `run-${recipe}-${i + 1}`,
        run,
        first: before === undefined,
        changes: before === undefined ? [] : lockChanges(before.lock, run.lock, locks),
      }
    })
    return {
      recipe,
      runs: entries,
      nights: new Map(entries.map((entry) => [night(entry.run.at), entry])),
      sources: history.sources.findLast((report) => report.recipe === recipe),
    }
  })
  return { nights, recipes, problems: history.problems, omitted: all.length - nights.length }
}

function night(at: string): string {
  return new Date(at).toISOString().slice(0, 10)
}

function lockChanges(
  from: string | null,
  to: string | null,
  locks: ReadonlyMap<string, Lockfile>,
): SiteRun['changes'] {
  if (from === to) return []
  const [a, b] = [locks.get(from ?? ''), locks.get(to ?? '')]
  if (!a || !b) return null
  return diffLocks(a, b).packages.map((change) => ({
    name: `${change.ecosystem}/${change.name}`,
    from: change.from?.version ?? null,
    to: change.to?.version ?? null,
  }))
}
