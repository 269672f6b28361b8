/** The name that a mistyped one most likely means: at most a third of its letters differ. */
export function nearestName(name: string, names: readonly string[]): string | undefined {
  return nearestNames(name, names)[0]
}

/** Names that a mistyped one may mean, the nearest first: of each at most a third of the letters differ. */
export function nearestNames(name: string, names: Iterable<string>): string[] {
  const near: { candidate: string; distance: number }[] = []
  for (const candidate of names) {
    const limit = Math.max(name.length, candidate.length) / 3
    if (Math.abs(name.length - candidate.length) > limit) continue
    const distance = editDistance(name, candidate)
    if (distance <= limit) near.push({ candidate, distance })
  }
  return near.sort((a, b) => a.distance - b.distance).map(({ candidate }) => candidate)
}

/** Damerau's distance (optimal string alignment): characters put in, left out, replaced, or two that changed places. */
function editDistance(a: string, b: string): number {
  let row = Array.from({ length: b.length + 1 }, (_, j) => j)
  let above: number[] = []
  for (let i = 0; i < a.length; i++) {
    const next = [i + 1]
    for (let j = 0; j < b.length; j++) {
      const replaced = (row[j] ?? 0) + (a[i] === b[j] ? 0 : 1)
      const swapped =
        j > 0 && a[i] === b[j - 1] && a[i - 1] === b[j] ? (above[j - 1] ?? Infinity) + 1 : Infinity
      next.push(Math.min(replaced, swapped, (row[j + 1] ?? 0) + 1, (next[j] ?? 0) + 1))
    }
    above = row
    row = next
  }
  return row[b.length] ?? 0
}
