/**
 * Draws names at random: the same seed gives the same names of the same list, in the same order, and a longer draw begins with
 * a shorter one's.
 *
 * @throws RangeError when there are fewer names
 */
export function draw(names: readonly string[], count: number, seed: number): string[] {
  if (count > names.length) throw new RangeError(`cannot draw ${count} of ${names.length} names`)
  const pool = [...names].sort()
  const random = mulberry32(seed)
  for (let i = 0; i < count; i++) {
    const j = i + Math.floor(random() * (pool.length - i))
    const [first, drawn] = [pool[i] as string, pool[j] as string]
    pool[i] = drawn
    pool[j] = first
  }
  return pool.slice(0, count)
}

/** Lists of `size` names, the last of which may be shorter. */
export function groupsOf(names: readonly string[], size: number): string[][] {
  return Array.from({ length: Math.ceil(names.length / size) }, (_, i) =>
    names.slice(i * size, (i + 1) * size),
  )
}

/** Tommy Ettinger's mulberry32, in the public domain: numbers from 0 to below 1. */
function mulberry32(seed: number): () => number {
  let state = seed >>> 0
  return () => {
    state = (state + 0x6d2b79f5) >>> 0
    let t = Math.imul(state ^ (state >>> 15), state | 1)
    t = (t + Math.imul(t ^ (t >>> 7), t | 61)) ^ t
    return ((t ^ (t >>> 14)) >>> 0) / 2 ** 32
  }
}
