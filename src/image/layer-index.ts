import { joinPath } from './columns.ts'
import { DIGESTS, type Layer, LayerEntries, type PackedEntries } from './layer-entries.ts'
import { wantsDigest } from './layer-reader.ts'
import { type Budget, chooses } from './read-options.ts'

/** The first line; the entries' bytes follow. */
interface Head {
  diffID: string
  size: number
  entries: PackedEntries
}

/** A layer as bytes, in parts: a line of JSON in latin1, and what it says that follows. */
export function packLayer({ diffID, size, entries }: Omit<Layer, 'digest'>): Buffer[] {
  const [packed, ...parts] = entries.pack()
  const head: Head = { diffID, size, entries: packed }
  return [Buffer.from(`${JSON.stringify(head)}\n`, 'latin1'), ...parts]
}

/**
 * The layer that {@link packLayer} made these bytes of, as the layer itself would be read now.
 *
 * @param packed becomes the layer's own
 * @param budget says what is read, and counts it
 * @returns undefined when more is to be read than was
 * @throws {StillroomError} IMAGE_INVALID when it is more than a sound image has
 */
export function unpackLayer(packed: Buffer, budget: Budget): Omit<Layer, 'digest'> | undefined {
  let next = packed.indexOf('\n') + 1
  const { diffID, size, entries: head } = JSON.parse(packed.toString('latin1', 0, next)) as Head
  const entries = LayerEntries.unpack(head, (bytes) => {
    next += bytes
    return packed.subarray(next - bytes, next)
  })
  if (!limitContents(entries, budget)) return undefined
  budget.take('members', entries.length)
  budget.take('bytes of names and attributes', entries.nameBytes)
  return { diffID, size, entries }
}

/** Leaves of each file what reading it would give, and no more; whether all of that is there. */
function limitContents(entries: LayerEntries, budget: Budget): boolean {
  const { options } = budget
  let kept = 0
  for (const { index, directory, name } of entries.places()) {
    if (entries.type(index) !== 'file' || entries.link(index) !== undefined) continue
    const [path, size] = [joinPath(directory, name), entries.size(index)]
    let digests = 0
    for (const [bit, kind] of DIGESTS.entries())
      if (wantsDigest(options, kind, path, size)) digests |= 1 << bit
    const keeps = chooses(options.keep, path, size)
    const head = keeps ? 0 : Math.min(options.head?.(path) ?? 0, size)
    if (!entries.limit(index, { digests, keeps, head })) return false
    kept += keeps ? size : head
  }
  budget.take('bytes of files to keep', kept)
  return true
}
