import pMap from 'p-map'
import { StillroomError } from '../../error.ts'
import { versionInFileName } from '../../formats/python/distribution-name.ts'
import type { PythonPlatform } from '../../formats/python/installable.ts'
import { parseRequirement } from '../../formats/python/requirement.ts'
import type { LockedPip, LockedPlatform, PythonFile } from '../../lock/schema.ts'
import type { HttpTarget } from '../../net/http-request.ts'
import { splitUserinfo } from '../../net/redact-url.ts'
import type { PipStep } from '../../recipe/schema.ts'
import { isTrustedHost } from '../../sources/find-pip-sources.ts'
import type { Sources } from '../../sources/find-sources.ts'
import { fetchSimplePage, type SimpleFile } from '../../sources/simple-page.ts'
import type { ArtifactUrl } from '../../store/artifact.ts'
import type { NewerVersions } from '../../verify/forecast.ts'
import { imagePython } from '../../verify/image-python.ts'
import { conflictWith, countingRules, newerPython, RECIPE } from '../../verify/newer-python.ts'
import type { Fetching } from '../ports.ts'
import type { RecipeInputs } from '../project/load-inputs.ts'
import { fetchRequirements, readRequirements } from './read-requirements.ts'

interface Wanted {
  file: PythonFile
  /** Of the step that has it. */
  index: number
}

/**
 * Newer versions of a lock's Python packages that pip would take, by the indexes that it would ask; of those that require something
 * else than what can be there, the next older one.
 */
export async function newerWheels(
  ports: Fetching,
  { recipe, pip }: RecipeInputs,
  locked: LockedPlatform,
): Promise<NewerVersions> {
  const sources = await ports.sources()
  const isPip = (step: { kind: string }): step is LockedPip => step.kind === 'pip'
  const all = locked.steps.flatMap((step, index) =>
    isPip(step) ? step.files.map((file): Wanted => ({ file, index })) : [],
  )
  // a later step has the last word on a project; what is required by address no index is asked for
  const wanted = [...new Map(all.map((each) => [each.file.name, each])).values()]
  const steps = recipe.steps.flatMap((step, index) => {
    return step.kind === 'pip' ? [pip.get(index)?.step ?? step] : []
  })
  const stated = steps.flatMap(({ requirements, constraints = [] }: PipStep) => [
    ...requirements,
    ...constraints,
  ])
  const extras = new Map(
    stated.map((text) => parseRequirement(text)).map((each) => [each?.name, each?.extras]),
  )
  const required = await pMap(
    wanted,
    async ({ file }) => ({
      owner: `${file.name} ${file.version}`,
      extras: extras.get(file.name),
      requirements: file.file.endsWith('.whl') ? await readRequirements(ports.store.path(file.sha256)) : [],
    }),
    { concurrency: 8 },
  )
  const projects = await pMap(
    wanted.filter(({ file }) => file.url === undefined),
    async ({ file, index }): Promise<Project> => {
      const python = imagePython(locked, index)
      const rules = [
        ...countingRules(file.name, stated, RECIPE, python),
        ...required.flatMap((each) =>
          countingRules(file.name, each.requirements, each.owner, python, each.extras),
        ),
      ]
      const offered = (await filesOf(file, sources, ports.signal)).flatMap((each) => {
        const version = versionInFileName(each.file, file.name)
        return version === undefined ? [] : [{ ...each, version }]
      })
      const advise = (refused: ReadonlyMap<string, string>) =>
        newerPython({ ...file, isSource: !file.file.endsWith('.whl') }, offered, rules, python, refused)
      const refused = new Map<string, string>()
      return { file, python, extras: extras.get(file.name), refused, advise, advice: advise(refused) }
    },
    { concurrency: 8, signal: ports.signal },
  )
  await refuseConflicts(projects, all, ports.signal)
  const found = projects.map(({ advice }) => advice)
  return { newer: found.flatMap(({ newer }) => newer), excluded: found.flatMap(({ excluded }) => excluded) }
}

type Offered = Awaited<ReturnType<typeof filesOf>>[number] & { version: string }
type Advice = ReturnType<typeof newerPython<Offered>>

interface Project {
  file: PythonFile
  python: PythonPlatform | undefined
  extras: readonly string[] | undefined
  /** Versions that don't go together with the others, with the reason. */
  refused: Map<string, string>
  advise: (refused: ReadonlyMap<string, string>) => Advice
  advice: Advice
}

/** Rounds of refusing, each for one version of a project: what is refused of one decides on others. */
const ROUNDS = 12

/** Of each project the next older version, until what is advised can be there together. */
async function refuseConflicts(
  projects: Project[],
  all: readonly Wanted[],
  signal: AbortSignal,
): Promise<void> {
  const known = new Map<string, Promise<string[] | undefined>>()
  for (let round = 0; round < ROUNDS; round += 1) {
    const others = new Map(all.map(({ file }) => [file.name, [file.version]]))
    for (const { file, advice } of projects)
      if (advice.taken) others.set(file.name, [file.version, advice.taken.version])
    const reasons = await pMap(
      projects,
      async ({ advice: { taken }, python, extras }) => {
        if (taken === undefined) return undefined
        const asked = known.get(taken.url) ?? fetchRequirements(taken, signal)
        known.set(taken.url, asked)
        return conflictWith((await asked) ?? [], others, python, extras)
      },
      { concurrency: 8, signal },
    )
    if (reasons.every((reason) => reason === undefined)) return
    for (const [i, reason] of reasons.entries()) {
      const project = projects[i]
      const version = project?.advice.taken?.version
      if (reason === undefined || project === undefined || version === undefined) continue
      project.refused.set(version, reason)
      // in the end, no advice rather than a wrong one
      project.advice = round < ROUNDS - 1 ? project.advise(project.refused) : { newer: [], excluded: [] }
    }
  }
}

/** What the indexes that pip would ask have of a project: the recipe's own for it, or all of the machine. */
async function filesOf(
  { name, index }: PythonFile,
  { pypi, ca }: Sources,
  signal: AbortSignal,
): Promise<(SimpleFile & Omit<HttpTarget, 'url'>)[]> {
  const pages = await Promise.all(
    (index === undefined ? pypi.indexes : [index]).map(async (url) => {
      const insecure = isTrustedHost(url, pypi.trustedHosts) ? { insecure: true } : {}
      const root = splitUserinfo<ArtifactUrl>({ label: 'index', url, ca, ...insecure })
      const page = `${root.url.replace(/\/+$/, '')}/${encodeURIComponent(name)}/`
      // that an index is silent is reported for the artifact itself
      const files = await fetchSimplePage({ ...root, url: page }, { signal }).catch((error) => {
        if (error instanceof StillroomError) return []
        throw error
      })
      const { headers } = root
      return files.map((file) => {
        const isOurs = headers !== undefined && new URL(file.url).origin === new URL(page).origin
        return { ...file, ca, ...insecure, ...(isOurs ? { headers } : {}) }
      })
    }),
  )
  return pages.flat()
}
