/// <reference lib="dom" />
import type { bytesInWords } from '../html/bytes.ts'
import type { ImagePart, StepPart, WholeImage } from './part-tree.ts'
import type { squarify } from './squarify.ts'

/**
 * Shows one level of the parts as a treemap and as a table. The level is the page's fragment, `#size/apt-1/deb%2Flibc6`, so
 * that the browser's own way back works, and a part can be linked to. That of the first level, `#size/`, is not the section's:
 * the browser would move the focus there.
 */
export function showParts(layOut: typeof squarify, inWords: typeof bytesInWords): void {
  const find = (id: string) => document.getElementById(id) as HTMLElement
  const whole = JSON.parse(find('parts-data').textContent ?? '') as WholeImage
  const [section, map, rows, trail, status] = ['size', 'map', 'rows', 'trail', 'level'].map(find) as [
    HTMLElement,
    HTMLElement,
    HTMLElement,
    HTMLElement,
    HTMLElement,
  ]
  let path: ImagePart[] = [whole]
  /** Which tile the Tab key goes to. */
  let current = 0
  let drawn = { x: 0, y: 0, width: 0, height: 0 }

  const make = (tag: string, className: string, text = '') => {
    const element = document.createElement(tag)
    element.className = className
    element.textContent = text
    return element
  }
  const here = () => path[path.length - 1] as ImagePart
  const partsOf = ({ parts }: ImagePart) => parts ?? []
  const files = (count: number) => `${count} ${count === 1 ? 'file' : 'files'}`
  const titleOf = ({ name, files: count }: ImagePart) => name || `${count} smaller files`
  /** The last name of a path, or of a package without its kind: tiles are narrow. */
  const shortTitle = (part: ImagePart) => titleOf(part).replace(/^\S*\/(?=[^/]+\/?$)/, '')
  const share = (part: ImagePart) => {
    const percent = whole.bytes === 0 ? 0 : (100 * part.bytes) / whole.bytes
    return percent > 0 && percent < 0.05 ? '< 0.1 %' : `${percent.toFixed(1)} %`
  }
  const fragment = (parts: readonly ImagePart[]) =>
    `#size/${parts
      .slice(1)
      .map(({ name }) => encodeURIComponent(name))
      .join('/')}`
  const kindOf = (part: ImagePart) =>
    (part as Partial<StepPart>).kind ?? (path[1] as StepPart | undefined)?.kind

  /** The parts that a fragment names, as far as they are there; undefined when it names another place of the page. */
  const read = (hash: string): ImagePart[] | undefined => {
    const [place, ...names] = hash.slice(1).split('/')
    if (place !== 'size') return undefined
    const found: ImagePart[] = [whole]
    for (const name of names.filter(Boolean)) {
      let text: string
      try {
        text = decodeURIComponent(name)
      } catch {
        break
      }
      const next = partsOf(found[found.length - 1] as ImagePart).find((each) => each.name === text)
      if (next?.parts === undefined) break
      found.push(next)
    }
    return found
  }

  const labelOf = (part: ImagePart) =>
    `${titleOf(part)}: ${inWords(part.bytes)}, ${share(part)}, ${files(part.files)}`

  const drawMap = () => {
    const parts = partsOf(here())
    drawn = { x: 0, y: 0, width: map.clientWidth, height: map.clientHeight }
    const places = layOut(
      parts.map(({ bytes }) => bytes),
      drawn,
    )
    map.replaceChildren(
      ...parts.flatMap((part, index) => {
        const place = places[index]
        if (place === undefined || part.bytes === 0) return []
        const tile = make('button', `tile k-${kindOf(part)}`) as HTMLButtonElement
        tile.type = 'button'
        tile.tabIndex = index === current ? 0 : -1
        tile.dataset.index = String(index)
        tile.title = labelOf(part)
        tile.setAttribute('aria-label', part.parts ? `${labelOf(part)}; opens` : labelOf(part))
        if (!part.parts) tile.setAttribute('aria-disabled', 'true')
        putAt(tile, place)
        if (place.width > 44 && place.height > 20) {
          const label = make('span', 'label', shortTitle(part))
          tile.append(label)
          if (place.height > 40) label.append(make('small', '', inWords(part.bytes)))
          if (place.width > 70 && place.height > 80) drawInner(tile, part, place)
        }
        return [tile]
      }),
    )
  }
  const putAt = (element: HTMLElement, place: { x: number; y: number; width: number; height: number }) => {
    for (const [property, value] of [
      ['left', place.x],
      ['top', place.y],
      ['width', place.width],
      ['height', place.height],
    ] as const)
      element.style[property] = `${value}px`
  }
  /** What is in a part, within its tile: a click there opens that at once. */
  const drawInner = (
    tile: HTMLElement,
    part: ImagePart,
    { width, height }: { width: number; height: number },
  ) => {
    const head = 42
    const inner = { x: 3, y: head, width: width - 7, height: height - head - 4 }
    const parts = partsOf(part)
    const places = layOut(
      parts.map(({ bytes }) => bytes),
      inner,
    )
    for (const [index, each] of parts.entries()) {
      const place = places[index]
      if (place === undefined || place.width < 3 || place.height < 3) continue
      const text = place.width > 44 && place.height > 18 ? shortTitle(each) : ''
      const span = make('span', 'inner', text)
      span.dataset.inner = String(index)
      span.title = labelOf(each)
      putAt(span, place)
      tile.append(span)
    }
  }

  const drawRows = () => {
    rows.replaceChildren(
      ...partsOf(here()).map((part) => {
        const row = document.createElement('tr')
        const name = make('th', '')
        name.setAttribute('scope', 'row')
        if (path.length === 1) name.append(make('span', `swatch k-${kindOf(part)}`))
        if (part.parts) {
          const link = make('a', '', titleOf(part)) as HTMLAnchorElement
          link.href = fragment([...path, part])
          name.append(link)
        } else name.append(titleOf(part))
        const { words } = part as Partial<WholeImage['parts'][number]>
        if (words) name.append(' ', make('span', 'soft words', words))
        const cells = [inWords(part.bytes), share(part), String(part.files)]
        row.append(name, ...cells.map((text) => make('td', 'number', text)))
        return row
      }),
    )
  }

  const drawTrail = () => {
    trail.replaceChildren(
      ...path.map((part, index) => {
        const item = document.createElement('li')
        if (index === path.length - 1) {
          const last = make('span', '', titleOf(part))
          last.setAttribute('aria-current', 'location')
          item.append(last)
        } else {
          const link = make('a', '', titleOf(part)) as HTMLAnchorElement
          link.href = fragment(path.slice(0, index + 1))
          item.append(link)
        }
        return item
      }),
    )
    const parts = partsOf(here())
    status.textContent = `${labelOf(here())}, in ${parts.length} ${parts.length === 1 ? 'part' : 'parts'}`
  }

  const tileAt = (index: number) => map.querySelector<HTMLElement>(`[data-index="${index}"]`)
  const draw = () => {
    drawMap()
    drawRows()
    drawTrail()
    map.parentElement?.querySelector('.list')?.scrollTo(0, 0)
  }
  /** Goes to where the fragment says; focus stays in the treemap or in the table, where it was. */
  const follow = () => {
    const next = read(location.hash)
    if (next === undefined) return
    const before = path
    const [inMap, inList] = [map, section.querySelector('.list')].map((part) =>
      part?.contains(document.activeElement),
    )
    const inTrail = trail.contains(document.activeElement)
    path = next
    const from = before[next.length]
    const index = from === undefined ? 0 : partsOf(here()).indexOf(from)
    current = index === -1 ? 0 : index
    draw()
    if (inMap || inTrail) (tileAt(current) ?? map).focus({ preventScroll: true })
    else if (inList) rows.querySelectorAll('tr')[current]?.querySelector('a')?.focus()
  }
  const goTo = (parts: readonly ImagePart[]) => {
    location.hash = fragment(parts)
  }

  map.addEventListener('click', (event) => {
    const target = event.target as HTMLElement
    const tile = target.closest<HTMLElement>('.tile')
    const part = partsOf(here())[Number(tile?.dataset.index)]
    if (part?.parts === undefined) return
    const inner = part.parts[Number(target.closest<HTMLElement>('.inner')?.dataset.inner)]
    goTo(inner?.parts ? [...path, part, inner] : [...path, part])
  })
  map.addEventListener('focusin', (event) => {
    const index = Number((event.target as HTMLElement).dataset.index)
    if (Number.isNaN(index)) return
    tileAt(current)?.setAttribute('tabindex', '-1')
    current = index
    tileAt(current)?.setAttribute('tabindex', '0')
  })
  map.addEventListener('keydown', (event) => {
    const steps: Record<string, [number, number]> = {
      ArrowLeft: [-1, 0],
      ArrowRight: [1, 0],
      ArrowUp: [0, -1],
      ArrowDown: [0, 1],
    }
    const step = steps[event.key]
    if (step === undefined || event.altKey || event.ctrlKey || event.metaKey) return
    event.preventDefault()
    nearest(tileAt(current), step)?.focus({ preventScroll: true })
  })
  /** The tile in a direction that is nearest to another, and if possible beside it. */
  const nearest = (from: HTMLElement | null, [right, down]: [number, number]) => {
    if (from === null) return undefined
    const centre = ({ offsetLeft, offsetTop, offsetWidth, offsetHeight }: HTMLElement) =>
      [offsetLeft + offsetWidth / 2, offsetTop + offsetHeight / 2] as const
    const [x, y] = centre(from)
    let best: { tile: HTMLElement; distance: number } | undefined
    for (const tile of map.querySelectorAll<HTMLElement>('.tile')) {
      const [dx, dy] = [centre(tile)[0] - x, centre(tile)[1] - y]
      const [along, across] = right === 0 ? [dy * down, Math.abs(dx)] : [dx * right, Math.abs(dy)]
      if (along < 1) continue
      const distance = along + 3 * across
      if (best === undefined || distance < best.distance) best = { tile, distance }
    }
    return best?.tile
  }
  document.addEventListener('keydown', (event) => {
    if (event.key !== 'Escape' && event.key !== 'Backspace') return
    const target = event.target as HTMLElement
    if (
      target.closest('input') ||
      path.length === 1 ||
      !(section.contains(target) || target === document.body)
    )
      return
    event.preventDefault()
    goTo(path.slice(0, -1))
  })
  addEventListener('hashchange', follow)
  for (const element of section.querySelectorAll('[hidden]')) element.removeAttribute('hidden')
  new ResizeObserver(() => {
    if (map.clientWidth === drawn.width && map.clientHeight === drawn.height) return
    const isIn = map.contains(document.activeElement)
    drawMap()
    if (isIn) tileAt(current)?.focus({ preventScroll: true })
  }).observe(map)
  path = read(location.hash) ?? path
  draw()
}
