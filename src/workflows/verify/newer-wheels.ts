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
  name: string
  version: string
  /** Index of the step that has it. */
  step: number
  /** None for what the image has from elsewhere: pip would take another when one is needed. */
  file?: PythonFile
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
  const pips = locked.steps.flatMap((step, index) => (isPip(step) ? [{ ...step, index }] : []))
  const all = [
    ...pips.flatMap(({ provided, index }) => provided.map((each): Wanted => ({ ...each, step: index }))),
    ...pips.flatMap(({ files, index }) =>
      files.map((file): Wanted => ({ name: file.name, version: file.version, step: index, file })),
    ),
  ]
  // a file hides what is provided, and a later step has the last word on a project
  const wanted = [...new Map(all.map((each) => [each.name, each])).values()]
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
    async ({ name, version, file }) => ({
      owner: `${name} ${version}`,
      extras: extras.get(name),
      requirements: file?.file.endsWith('.whl') ? await readRequirements(ports.store.path(file.sha256)) : [],
    }),
    { concurrency: 8 },
  )
  const projects = await pMap(
    // what is required by address no index is asked for
    wanted.filter(({ file }) => file?.url === undefined),
    async ({ name, version, step, file }): Promise<Project> => {
      const python = imagePython(locked, step)
      const rules = [
        ...countingRules(name, stated, RECIPE, python),
        ...required.flatMap((each) =>
          countingRules(name, each.requirements, each.owner, python, each.extras),
        ),
      ]
      const offered = (await filesOf(name, file?.index, sources, ports.signal)).flatMap((each) => {
        const found = versionInFileName(each.file, name)
        return found === undefined ? [] : [{ ...each, version: found }]
      })
      const isSource = file !== undefined && !file.file.endsWith('.whl')
      const advise = (refused: ReadonlyMap<string, string>) =>
        newerPython({ name, version, isSource }, offered, rules, python, refused)
      const own = { name, version, isInstalled: file !== undefined, refused: new Map<string, string>() }
      return { ...own, python, extras: extras.get(name), advise, advice: advise(own.refused) }
    },
    { concurrency: 8, signal: ports.signal },
  )
  await refuseConflicts(projects, wanted, ports.signal)
  const found = projects.filter(({ isInstalled }) => isInstalled).map(({ advice }) => advice)
  return { newer: found.flatMap(({ newer }) => newer), excluded: found.flatMap(({ excluded }) => excluded) }
}

type Offered = Awaited<ReturnType<typeof filesOf>>[number] & { version: string }
type Advice = ReturnType<typeof newerPython<Offered>>

interface Project {
  name: string
  version: string
  /** By a step, so that it is advised. */
  isInstalled: boolean
  python: PythonPlatform | undefined
  extras: readonly string[] | undefined
  /** Versions that don't go together with the others, with the reason. */
  refused: Map<string, string>
  advise: (refused: ReadonlyMap<string, string>) => Advice
  advice: Advice
}

/** Rounds of refusing, each for one version of a project: what is refused of one decides on others. */
const ROUNDS = 24

/** Of each project the next older version, until what is advised can be there together. */
async function refuseConflicts(
  projects: Project[],
  all: readonly Wanted[],
  signal: AbortSignal,
): Promise<void> {
  const known = new Map<string, Promise<string[] | undefined>>()
  for (let round = 0; round < ROUNDS; round += 1) {
    const others = new Map(all.map(({ name, version }) => [name, [version]]))
    for (const { name, version, advice } of projects)
      if (advice.taken) others.set(name, [version, advice.taken.version])
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
      project.advice =
        round < ROUNDS - 1
          ? project.advise(project.refused)
          : { ...project.advice, newer: [], taken: undefined }
    }
  }
}

/** What the indexes that pip would ask have of a project: the recipe's own for it, or all of the machine. */
async function filesOf(
  name: string,
  index: string | undefined,
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
