/** What the lock of another tool asks for, as requirements and constraints of pip's. */
export interface ForeignLock {
  /** With the hashes of their files behind them. */
  requirements: string[]
  constraints: string[]
  /** Of projects that come from another index than most do: its root, by normalised name. */
  indexes: Record<string, string>
  /** What cannot be taken over. */
  problems: string[]
}

/** Which of a lock's optional parts to take. */
export interface Selection {
  extras?: readonly string[] | undefined
  groups?: readonly string[] | undefined
}

/** The index that most packages come from stands for the machine's own: the hashes of their files decide. */
export function mostCommon(indexes: readonly (string | undefined)[]): string | undefined {
  const counts = new Map<string, number>()
  for (const index of indexes) if (index !== undefined) counts.set(index, (counts.get(index) ?? 0) + 1)
  return [...counts].sort(([, a], [, b]) => b - a)[0]?.[0]
}

/** One requirement of pip's. */
export function requirementText({
  name,
  extras = [],
  version,
  url,
  marker,
  hashes = [],
}: {
  name: string
  extras?: readonly string[] | undefined
  version?: string | undefined
  url?: string | undefined
  marker?: string | undefined
  hashes?: readonly string[]
}): string {
  const extra = extras.length > 0 ? `[${extras.join(',')}]` : ''
  const what = url !== undefined ? ` @ ${url}` : version !== undefined ? `==${version}` : ''
  const condition = marker === undefined || marker === '' ? '' : ` ; ${marker}`
  return `${name}${extra}${what}${condition}${hashes.map((sha256) => ` --hash=sha256:${sha256}`).join('')}`
}
