/// <reference lib="dom" />

/** Shows the packages that have the words of the search field in their row. */
export function filterPackages(): void {
  const field = document.getElementById('filter') as HTMLInputElement | null
  const rows = [...document.querySelectorAll<HTMLElement>('#packages tbody tr')]
  if (field === null) return
  for (const element of document.querySelectorAll('#packages [hidden]')) element.removeAttribute('hidden')
  const texts = rows.map((row) => (row.textContent ?? '').toLowerCase())
  const shown = document.getElementById('shown')
  field.addEventListener('input', () => {
    const words = field.value.toLowerCase().split(/\s+/)
    let count = 0
    for (const [index, row] of rows.entries()) {
      row.hidden = !words.every((word) => texts[index]?.includes(word))
      if (!row.hidden) count++
    }
    if (shown) shown.textContent = `${count} of ${rows.length}`
  })
}

/** Makes buttons of the heads of the table of packages, which sort it. */
export function sortPackages(): void {
  const table = document.querySelector('#packages table')
  const body = table?.querySelector('tbody')
  if (!table || !body) return
  const heads = [...table.querySelectorAll('thead th')]
  const cellValue = (row: Element, column: number) => {
    const cell = row.children[column] as HTMLElement
    return cell.dataset.bytes ?? cell.textContent ?? ''
  }
  for (const [column, head] of heads.entries()) {
    const button = document.createElement('button')
    button.type = 'button'
    button.append(...head.childNodes)
    head.append(button)
    button.addEventListener('click', () => {
      const isNumber = head.classList.contains('number')
      // the largest first, else from A to Z; the other way round when it is so already
      const before = head.getAttribute('aria-sort')
      const next =
        (before ?? (isNumber ? 'ascending' : 'descending')) === 'ascending' ? 'descending' : 'ascending'
      for (const other of heads) other.removeAttribute('aria-sort')
      head.setAttribute('aria-sort', next)
      const sign = next === 'ascending' ? 1 : -1
      const compare = (a: Element, b: Element) => {
        const [x, y] = [cellValue(a, column), cellValue(b, column)]
        return isNumber ? Number(x) - Number(y) : x.localeCompare(y, 'en', { numeric: true })
      }
      body.append(...[...body.children].sort((a, b) => sign * compare(a, b)))
    })
  }
}
