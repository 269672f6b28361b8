interface Item {
  what: string
  bytes: number | null
  keptFor: string | null
}

/** What prune has found as text, with a newline at the end: what goes first, then what stays and why. */
export function pruneTable({
  items,
  frees,
  removed,
}: {
  items: readonly Item[]
  frees: number
  removed: boolean
}): string {
  const goes = items.filter(({ keptFor }) => keptFor === null)
  const stays = items.filter(({ keptFor }) => keptFor !== null)
  const line = ({ what, bytes, keptFor }: Item) =>
    `${formatBytes(bytes).padStart(10)}  ${what}${keptFor === null ? '' : ` (${keptFor})`}`
  return [
    ...(stays.length > 0 ? ['stays:', ...stays.map(line)] : []),
    ...(goes.length > 0 ? [removed ? 'removed:' : 'would be removed:', ...goes.map(line)] : []),
    goes.length === 0
      ? 'nothing to remove'
      : `${removed ? 'freed' : 'would free'} about ${formatBytes(frees)}`,
    '',
  ].join('\n')
}

const formatBytes = (bytes: number | null) => (bytes === null ? '?' : `${(bytes / 1e6).toFixed(1)} MB`)
