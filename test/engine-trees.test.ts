import fc from 'fast-check'
import { expect, it } from 'vitest'
import { StillroomError } from '../src/error.ts'
import { FileTree } from '../src/image/file-tree.ts'
import type { LayerEntries } from '../src/image/layer-entries.ts'
import { LayerReader } from '../src/image/layer-reader.ts'
import { mergeLayers } from '../src/image/merge-layers.ts'
import { escapeBytes, type TreeRecord, treeRecords } from '../src/image/tree-digest.ts'
import { madeByTools, misleading } from './engine-tree/known-kinds.ts'
import { type LayerPair, layerPair } from './engine-tree/layer-pairs.ts'
import { type EngineTree, engineTreeProgram, engineTrees } from './support/engine-tree.ts'
import { rounds } from './support/nightly.ts'

const RUNS = Number(process.env.STILLROOM_FUZZ_RUNS ?? rounds(200, 2000))
const SEED = Number(process.env.STILLROOM_FUZZ_SEED ?? 20_261_128)

const found = await engineTreeProgram()
if ('reason' in found) console.warn(`layers are not compared with what engines show: ${found.reason}`)
const program = 'program' in found ? found.program : ''

type OwnTree =
  | { records: TreeRecord[]; implied: Set<string>; unclear: Set<string>; refused?: undefined }
  | { refused: string }

/** What stillroom shows of layers. */
function ownTree(layers: readonly Buffer[]): OwnTree {
  try {
    const entries = layers.map((bytes) => {
      const reader = new LayerReader()
      reader.write(bytes)
      reader.close()
      return reader.entries
    })
    // the root of a container is that of its own directory, whatever layers say
    const root = mergeLayers(entries)
    const records = [...treeRecords(root)].filter(({ path }) => path !== '')
    const unclear = new Set(new FileTree(root).unclearDirectories().map(escapeBytes))
    return { records, implied: impliedIn(entries), unclear }
  } catch (error) {
    if (error instanceof StillroomError && error.code === 'IMAGE_INVALID') return { refused: error.message }
    throw error
  }
}

/** Directories that the topmost layer with something in them does not give. */
function impliedIn(layers: readonly LayerEntries[]): Set<string> {
  const implied = new Set<string>()
  for (const entries of layers) {
    for (const { path } of entries)
      for (let end = path.lastIndexOf('/'); end > 0; end = path.lastIndexOf('/', end - 1))
        implied.add(escapeBytes(path.slice(0, end)))
    for (const { path, inode } of entries) if (inode.type === 'directory') implied.delete(escapeBytes(path))
  }
  return implied
}

/** What of an implied directory moby makes up, and containerd takes from below. */
const MADE_UP = new Set(['mode', 'uid', 'gid', 'xattrs'])

/** How an engine's tree differs: in what nobody may differ; and in what engines make up, as the docs say. */
function compare(
  { records, implied, unclear }: Extract<OwnTree, { records: unknown }>,
  engine: string,
  theirs: EngineTree,
): { wrong: string[]; named: string[] } {
  if (theirs.tree === null) return { wrong: [`${engine} does not unpack it: ${theirs.error}`], named: [] }
  const wrong: string[] = []
  const named: string[] = []
  const differing = new Set<string>()
  const left = new Map(theirs.tree.map((record) => [record.path, record]))
  for (const record of records) {
    const other = left.get(record.path)
    left.delete(record.path)
    if (other === undefined) {
      wrong.push(`${record.path} is not there in ${engine}`)
      continue
    }
    for (const key of Object.keys(record) as (keyof TreeRecord)[]) {
      const [a, b] = [JSON.stringify(record[key]), JSON.stringify(other[key])]
      if (a === b) continue
      const isUnclear = engine === 'moby' && unclear.has(record.path) && MADE_UP.has(key)
      if (isUnclear) differing.add(record.path)
      // the time of a directory that no member gives is that of unpacking
      const isMadeUp = key === 'mtime' ? implied.has(record.path) : isUnclear
      const list = isMadeUp ? named : wrong
      list.push(`${record.path} has ${key} ${a}, in ${engine} ${b}`)
    }
  }
  for (const path of left.keys()) wrong.push(`${path} is there in ${engine} alone`)
  if (engine === 'moby')
    for (const path of unclear)
      if (!differing.has(path)) wrong.push(`${path} is as in moby, and called unclear`)
  return { wrong, named }
}

interface Comparison {
  what: string
  refused: string | undefined
  /** Neither engine unpacks it. */
  isRefusedByEngines: boolean
  wrong: string[]
  named: string[]
}

async function compareAll(cases: readonly LayerPair[]): Promise<Comparison[]> {
  const results: Comparison[] = []
  for await (const { moby, containerd } of engineTrees(program, cases)) {
    const { what, layers } = cases[results.length] as LayerPair
    const own = ownTree(layers)
    const isRefusedByEngines = moby.tree === null && containerd.tree === null
    const result: Comparison = { what, refused: own.refused, isRefusedByEngines, wrong: [], named: [] }
    results.push(result)
    if (own.refused !== undefined) continue
    for (const differences of [compare(own, 'moby', moby), compare(own, 'containerd', containerd)]) {
      result.wrong.push(...differences.wrong)
      result.named.push(...differences.named)
    }
  }
  expect(results).toHaveLength(cases.length)
  return results
}

/** How many cases were refused for each reason; names and numbers are left out of it. */
function refusals(results: readonly Comparison[]): string {
  const counts = new Map<string, number>()
  for (const { refused } of results) {
    const reason = refused?.replaceAll(/"(?:[^"\\]|\\.)*(?:"|$)|-?\d+/g, '_')
    if (reason !== undefined) counts.set(reason, (counts.get(reason) ?? 0) + 1)
  }
  const rows = [...counts].sort(([, a], [, b]) => b - a)
  return rows.map(([reason, count]) => `${String(count).padStart(6)}  ${reason}`).join('\n')
}

const wrongIn = (results: readonly Comparison[]) =>
  results.flatMap(({ what, wrong }) => (wrong.length === 0 ? [] : [`${what}:\n  ${wrong.join('\n  ')}`]))

it.skipIf(program === '')('layers that tools make are read as engines unpack them', async () => {
  const results = await compareAll(madeByTools)
  expect(wrongIn(results)).toEqual([])
  expect(
    results.flatMap(({ what, refused }) => (refused === undefined ? [] : [`${what}: ${refused}`])),
  ).toEqual([])
  // and the engines unpack them
  expect(results.filter(({ isRefusedByEngines }) => isRefusedByEngines)).toEqual([])
})

it.skipIf(program === '')('layers that mislead are read as engines unpack them, or refused', async () => {
  const results = await compareAll(misleading)
  expect(wrongIn(results)).toEqual([])
  const lines = results.map(
    ({ what, refused, named }) =>
      `${what}: ${refused ?? (named.length > 0 ? named.join(', ') : 'as engines')}`,
  )
  console.info(lines.join('\n').replaceAll(/mtime \d+, in (\w+) \d+/g, 'mtime of its own, in $1 another'))
})

it.skipIf(program === '')(
  `layers are read as engines unpack them, or refused: ${RUNS} random ones (seed ${SEED})`,
  async () => {
    const results = await compareAll(fc.sample(layerPair, { numRuns: RUNS, seed: SEED }))
    const read = results.filter(({ refused }) => refused === undefined)
    const madeUp = read.filter(({ named }) => named.length > 0)
    const byEngines = results.filter(
      ({ refused, isRefusedByEngines }) => refused !== undefined && isRefusedByEngines,
    )
    console.info(
      `${read.length} read as engines do, of which ${madeUp.length} have directories that no member gives\n` +
        `${RUNS - read.length} refused, of which ${byEngines.length} neither engine unpacks:\n${refusals(results)}`,
    )
    expect(wrongIn(results).slice(0, 10)).toEqual([])
    expect(read.length).toBeGreaterThan(RUNS / 10)
  },
)
