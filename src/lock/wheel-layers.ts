import { MOST_WHEEL_LAYERS, type PythonFile } from './schema.ts'

/** Bytes from which a wheel has a layer to itself. */
const LARGE = 32e6
/** Bytes from which all others of a step have one together. */
const TOGETHER = 8e6

/**
 * Says which wheels of a `pip` step have layers below the step's last one, by a number in the step. A layer is made again, sent
 * and fetched when something in it changes; so each large wheel has one to itself, all others have one together, and
 * what is added to a lock later comes into the step's last one, which leaves these as they are.
 *
 * @param before what is locked of the step so far, whose layers stay: a project keeps the one that it has, in any version;
 *   undefined to begin anew
 * @returns the same files in the same order
 */
export function assignLayers(
  files: readonly PythonFile[],
  before: readonly PythonFile[] | undefined,
): PythonFile[] {
  const earlier = new Map(before?.map(({ name, layer }) => [name, layer]))
  const known = [...earlier.values()].filter((layer) => layer !== undefined)
  const layers = known.length > 0 ? extended(files, earlier, Math.max(...known)) : anew(files)
  return files.map(({ layer: _, ...file }) => {
    const layer = layers.get(file.name)
    return layer === undefined ? file : { ...file, layer }
  })
}

type Layers = Map<string, number | undefined>

/** The same files, all in the step's own layer: as where one layer must not take away from another. */
export const withoutLayers = (files: readonly PythonFile[]): PythonFile[] =>
  files.map(({ layer: _, ...file }) => file)

function anew(files: readonly PythonFile[]): Layers {
  const wheels = files.filter(isWheel)
  const large = largest(wheels, MOST_WHEEL_LAYERS - 1)
  const others = wheels.filter((wheel) => !large.includes(wheel))
  const layers: Layers = new Map(large.map(({ name }, index) => [name, index + 1]))
  if (others.reduce((sum, { size }) => sum + size, 0) >= TOGETHER)
    for (const { name } of others) layers.set(name, large.length + 1)
  return layers
}

function extended(files: readonly PythonFile[], earlier: Layers, last: number): Layers {
  const wheels = files.filter(isWheel)
  const kept = wheels.filter(({ name }) => earlier.get(name) !== undefined)
  const added = largest(
    wheels.filter((wheel) => !kept.includes(wheel)),
    Math.max(0, MOST_WHEEL_LAYERS - last),
  )
  return new Map([
    ...kept.map(({ name }) => [name, earlier.get(name)] as const),
    ...added.map(({ name }, index) => [name, last + 1 + index] as const),
  ])
}

/** The largest of the large ones, by their names. */
function largest(wheels: readonly PythonFile[], most: number): PythonFile[] {
  return wheels
    .filter(({ size }) => size >= LARGE)
    .toSorted((a, b) => b.size - a.size || byName(a, b))
    .slice(0, most)
    .toSorted(byName)
}

const byName = (a: PythonFile, b: PythonFile) => (a.name < b.name ? -1 : 1)

const isWheel = ({ file }: PythonFile) => file.endsWith('.whl')
