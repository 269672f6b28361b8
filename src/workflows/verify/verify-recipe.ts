import { createHash } from 'node:crypto'
import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { StillroomError } from '../../error.ts'
import type { TreeNode } from '../../image/tree-node.ts'
import type { LockedImage } from '../../lock/schema.ts'
import { explainImages, explainLocked, summaryOf } from '../../verify/explain-images.ts'
import type { RebuiltSteps } from '../../verify/rebuilt-steps.ts'
import { type Variation, VERIFY_REPORT_VERSION, type VerifyReport } from '../../verify/verify-report.ts'
import { keepImageTree } from '../build/keep-image-tree.ts'
import type { Artifacts, Cache, Cancellation, Project, Reporting } from '../ports.ts'
import { loadLocked } from '../project/load-inputs.ts'
import type { Session } from '../session.ts'
import { StageClock } from '../stage-clock.ts'
import { readLockedTree } from '../store/locked-tree.ts'
import {
  buildAgain,
  findReference,
  type NewImage,
  type Reference,
  referenceSource,
  type VerifyPlan,
} from './verify-build.ts'
import { buildVaried } from './verify-varied.ts'

export interface VerifyOptions {
  /** Keep the new image when it is as expected, so that a later difference can be explained. */
  keep: boolean
  /** What to make different for the build. */
  vary: readonly Variation[]
  /** Build only this step and those after it again, such as `run-1`; what is before comes from the cache. */
  from?: string | undefined
  /** A buildx builder by name. */
  builder?: string | undefined
  /** What was rebuilt before, with these options: it is not rebuilt again, and this recipe is added to it. */
  rebuilt?: RebuiltSteps | undefined
}

/**
 * Rebuilds a recipe from nothing, but for what was rebuilt just now for another one, and compares the image with the
 * lockfile or, when that names no image, against another build. Equal image IDs end it; else both images are read and their differences explained.
 * What goes wrong is in the report, by the verdicts `failed` and `inconclusive`.
 *
 * @throws {StillroomError} INTERRUPTED
 */
export async function verifyRecipe(
  session: Session,
  name: string,
  options: VerifyOptions,
): Promise<VerifyReport> {
  const clock = new StageClock(session.progress)
  const report: VerifyReport = {
    reportVersion: VERIFY_REPORT_VERSION,
    recipe: name,
    platform: 'linux/amd64',
    verdict: 'failed',
    lock: await lockDigest(session.directory, name),
    reference: null,
    image: null,
    variations: [],
    shared: null,
    difference: null,
    problem: null,
    stages: [],
  }
  try {
    clock.stage(`recipe ${name} and its lockfile`)
    const { from, builder, keep, vary } = options
    const inputs = await loadLocked(session, name)
    const { recipe } = inputs.loaded
    report.platform = recipe.platform
    // a varied build has a builder of its own, and one from a step on proves nothing of the steps before
    const rebuilt = vary.length > 0 || from !== undefined ? undefined : options.rebuilt
    const shared = rebuilt?.sharedWith({ ...inputs, recipe })
    report.shared = shared ?? null
    await rebuild(session, { ...inputs, from, shared, builder, keep }, options, clock, report)
    if (report.verdict === 'identical') rebuilt?.add(name, { ...inputs, recipe })
  } catch (error) {
    if (session.signal.aborted || !(error instanceof StillroomError)) throw error
    const { code, message, hint } = error
    if (report.image !== null) report.verdict = 'inconclusive'
    report.problem = { code, message, ...(hint === undefined ? {} : { hint }) }
  }
  report.stages = clock.end()
  return report
}

/** Builds, compares, and fills in the report. */
async function rebuild(
  session: Session,
  plan: VerifyPlan,
  { vary }: VerifyOptions,
  clock: StageClock,
  report: VerifyReport,
): Promise<void> {
  const reference = await findReference(session, plan, clock, vary.length > 0)
  report.reference = reference.named
  const built =
    vary.length > 0
      ? await buildVaried(session, plan, vary, clock)
      : await buildAgain(session, plan, clock, 'verify')
  try {
    report.variations = built.variations
    report.image = built.summary
    clock.stage('compare')
    if (built.summary.id === reference.named.id) {
      report.verdict = 'identical'
      report.image = { ...built.summary, ...asLocked(plan.locked.image) }
      if (plan.locked.image !== null) await keepImageTree(session, plan.locked.image, built.source.read)
    } else {
      await compare(session, plan, reference, built, report)
    }
  } finally {
    await built.end(report.verdict)
    await reference.end(report.verdict)
  }
}

async function compare(
  ports: Cancellation & Reporting & Cache & Artifacts & Project,
  plan: VerifyPlan,
  reference: Reference,
  built: NewImage,
  report: VerifyReport,
): Promise<void> {
  const expected = await referenceSource(ports, plan, reference)
  const locked = plan.locked.image
  const root = expected === undefined && locked !== null ? await readLockedTree(ports, locked) : undefined
  if (expected === undefined && (locked === null || root === undefined)) {
    ports.progress({ kind: 'status', text: 'reading the new image' })
    report.image = summaryOf(built.source.reference, await built.source.read())
    report.verdict = reference.named.tree === report.image.tree ? 'equivalent' : 'different'
    report.problem = {
      code: 'IMAGE_MISSING',
      message:
        'what differs is not known: there is neither an image as the lockfile expects it nor the locked tree',
      hint: `keep one while it is identical: stillroom verify recipe ${report.recipe} --keep`,
    }
    return
  }
  ports.progress({ kind: 'status', text: expected ? 'reading both images' : 'reading the new image' })
  const { a, b, difference } = expected
    ? await explainImages(expected, built.source)
    : await explainLocked(
        { reference: 'lockfile', ...(locked as LockedImage), root: root as TreeNode },
        built.source,
      )
  report.reference = {
    ...reference.named,
    kind: expected ? (reference.named.kind === 'lock' ? 'image' : 'build') : 'tree',
    name: a.reference,
    ...(a.tree ? { tree: a.tree } : {}),
  }
  report.image = b
  report.difference = difference
  // that two IDs differ and no field does, would be a fault of the reader
  report.verdict = difference.verdict === 'identical' ? 'inconclusive' : difference.verdict
}

function asLocked(image: LockedImage | null) {
  return image === null ? {} : { tree: image.tree, size: image.size, diffIDs: image.diffIDs }
}

async function lockDigest(directory: string, name: string): Promise<string | null> {
  const bytes = await readFile(join(directory, 'recipes', name, 'lock.json')).catch(() => null)
  return bytes === null ? null : createHash('sha256').update(bytes).digest('hex')
}
