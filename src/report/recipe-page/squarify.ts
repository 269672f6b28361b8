export interface Rectangle {
  x: number
  y: number
  width: number
  height: number
}

/**
 * Lays rectangles of given sizes into one, each as near to a square as it gets (Bruls, Huizing, van Wijk: "Squarified
 * Treemaps"). It is a part of a page's script, too: it uses nothing but what it is given.
 *
 * @param sizes largest first
 * @returns one for each size, whose area is its share of the whole
 */
export function squarify(sizes: readonly number[], whole: Rectangle): Rectangle[] {
  const total = sizes.reduce((sum, size) => sum + size, 0)
  const scale = total === 0 ? 0 : (whole.width * whole.height) / total
  const placed: Rectangle[] = []
  let rest = { ...whole }
  let first = 0
  while (first < sizes.length) {
    const side = Math.min(rest.width, rest.height)
    let last = first
    let area = 0
    let worst = Number.POSITIVE_INFINITY
    for (; last < sizes.length; last++) {
      const next = area + (sizes[last] ?? 0) * scale
      const most = (sizes[first] ?? 0) * scale
      const least = (sizes[last] ?? 0) * scale
      const ratio = Math.max((side * side * most) / (next * next), (next * next) / (side * side * least))
      if (last > first && !(ratio <= worst)) break
      worst = ratio
      area = next
    }
    const isRow = rest.width < rest.height
    const depth = side === 0 ? 0 : area / side
    let at = isRow ? rest.x : rest.y
    for (; first < last; first++) {
      const length = depth === 0 ? 0 : ((sizes[first] ?? 0) * scale) / depth
      placed.push(
        isRow
          ? { x: at, y: rest.y, width: length, height: depth }
          : { x: rest.x, y: at, width: depth, height: length },
      )
      at += length
    }
    rest = isRow
      ? { ...rest, y: rest.y + depth, height: Math.max(0, rest.height - depth) }
      : { ...rest, x: rest.x + depth, width: Math.max(0, rest.width - depth) }
  }
  return placed
}
