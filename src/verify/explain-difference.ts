import type { FileDifference } from '../image/compare-trees.ts'
import { CAUSE_IDS, CAUSES, type NamedCause } from './cause.ts'
import type { ConfigDifference, ImageDifference } from './difference.ts'
import { explainContent } from './explain-content.ts'
import { textCauses } from './explain-text.ts'
import type { CauseSummary, ExplainedDifference, ExplainedFile, Explanation } from './explained-difference.ts'
import { type FileOwner, fileCauses } from './file-causes.ts'
import { pairNames } from './random-names.ts'

/** Both contents of a file that was read a second time. */
export interface ContentPair {
  a: Buffer
  b: Buffer
}

const EXAMPLES = 5
/** The largest file that is looked into. */
export const LARGEST_CONTENT = 32 * 1024 * 1024
/** All contents together, of each image. */
const CONTENT_BUDGET = 256 * 1024 * 1024

/**
 * Paths of regular files whose contents are worth reading again, since they show why they differ: small ones first, as
 * many as {@link CONTENT_BUDGET} allows.
 */
export function wantedContents({ files }: ImageDifference): string[] {
  const sizeOf = ({ a, b }: FileDifference) => Math.max(a?.size ?? 0, b?.size ?? 0)
  const candidates = files
    .filter((file) => file.fields.includes('content') && file.a?.type === 'file' && file.b?.type === 'file')
    .filter((file) => sizeOf(file) <= LARGEST_CONTENT)
    .sort((x, y) => sizeOf(x) - sizeOf(y))
  let remaining = CONTENT_BUDGET
  return candidates
    .filter((file) => {
      remaining -= sizeOf(file)
      return remaining >= 0
    })
    .map(({ path }) => path)
}

/**
 * Names the causes of every difference.
 *
 * @param contents by path, of the files that {@link wantedContents} named
 * @param owners by path, the package it belongs to
 * @param origins by path, where a file that only one image has comes from: `layer 3: COPY a /opt`
 * @param unread why contents that are wanted and not there were not read
 */
export async function explainDifference(
  difference: ImageDifference,
  contents: ReadonlyMap<string, ContentPair>,
  {
    owners = new Map(),
    origins = new Map(),
    unread = 'it is too large to be compared in detail',
  }: {
    owners?: ReadonlyMap<string, FileOwner>
    origins?: ReadonlyMap<string, string>
    unread?: string
  } = {},
): Promise<ExplainedDifference> {
  const names = pairNames(difference.files)
  const files: ExplainedFile[] = []
  const causesAt = new Map<string, NamedCause[]>()
  for (const file of difference.files) {
    const explanation = await explainFile(file, contents.get(file.path), unread)
    const name = names.get(file.path) ?? inherited(file, causesAt)
    const owner = owners.get(file.path)
    const origin = origins.get(file.path)
    const causes = fileCauses(file, {
      ...(explanation ? { explanation } : {}),
      ...(name ? { name } : {}),
      ...(owner ? { owner } : {}),
      ...(origin ? { origin } : {}),
    })
    if (file.change !== 'changed') causesAt.set(`${file.change} ${file.path}`, causes)
    files.push({ ...file, causes, ...(explanation ? { detail: explanation.detail } : {}) })
  }
  explainParents(files)
  const config = difference.config.map((field) => ({ ...field, causes: configCauses(field) }))
  return {
    verdict: difference.verdict,
    config,
    layers: difference.layers,
    files,
    causes: summarize(config, files, difference.layers.length > 0),
  }
}

async function explainFile(
  file: FileDifference,
  pair: ContentPair | undefined,
  unread: string,
): Promise<Explanation | undefined> {
  if (pair !== undefined) return explainContent(file.path, pair.a, pair.b)
  if (!file.fields.includes('content') || file.a?.type !== file.b?.type) return undefined
  return { detail: { kind: 'unread', reason: unread }, causes: [] }
}

/** What lies in a directory that is there in the same image only, is there for the same reason. */
function inherited(
  { path, change }: FileDifference,
  causes: ReadonlyMap<string, NamedCause[]>,
): NamedCause | undefined {
  const parent = path.slice(0, path.lastIndexOf('/'))
  // a directory that both have changes since this came or went, and is no reason for it
  const [first] = causes.get(`${change} ${parent}`) ?? []
  return first === undefined || first.cause === 'unknown'
    ? undefined
    : { cause: first.cause, evidence: `it lies in "${parent}"` }
}

/** A directory's time changes when something in it comes or goes. */
function explainParents(files: ExplainedFile[]): void {
  const moved = new Map<string, ExplainedFile>()
  for (const file of files) {
    const parent = file.path.slice(0, file.path.lastIndexOf('/')) || '/'
    if (file.change !== 'changed' && !moved.has(parent)) moved.set(parent, file)
  }
  for (const file of files) {
    const child = moved.get(file.path)
    const cause = child?.causes[0]
    if (child === undefined || cause === undefined || file.fields.join() !== 'mtime') continue
    file.causes = [
      { cause: cause.cause, evidence: `"${child.path}" was ${child.change}, which changes its time` },
    ]
  }
}

function configCauses({ field, a, b }: ConfigDifference): NamedCause[] {
  if (/(^|\/)created$/.test(field))
    return [{ cause: 'timestamp', evidence: 'it says when the image was built' }]
  if (/^(history|moby\.|author|comment|container|docker_version|parent|id)/.test(field))
    return [{ cause: 'packaging', evidence: 'it says how the image was built' }]
  const causes = /^config\/(Labels|Env)\//.test(field)
    ? textCauses(String(a ?? ''), String(b ?? '')).filter(
        ({ cause }) => cause === 'timestamp' || cause === 'uuid',
      )
    : []
  return [...causes, { cause: 'configuration', evidence: 'the recipe or the builder sets it' }]
}

function summarize(
  config: ExplainedDifference['config'],
  files: readonly ExplainedFile[],
  layersDiffer: boolean,
): CauseSummary[] {
  const found = new Map<NamedCause['cause'], string[]>()
  const add = (causes: readonly NamedCause[], example: string) => {
    const cause = causes[0]?.cause ?? 'unknown'
    const examples = found.get(cause)
    if (examples === undefined) found.set(cause, [example])
    else examples.push(example)
  }
  for (const { field, causes } of config) add(causes, field)
  for (const { path, causes } of files) add(causes, path)
  if (found.size === 0 && layersDiffer) found.set('packaging', ['layers'])
  return [...found]
    .map(([cause, examples]) => ({
      cause,
      ...CAUSES[cause],
      count: examples.length,
      examples: examples.slice(0, EXAMPLES),
    }))
    .sort((x, y) => y.count - x.count || CAUSE_IDS.indexOf(x.cause) - CAUSE_IDS.indexOf(y.cause))
}
