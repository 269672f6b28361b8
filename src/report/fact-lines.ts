/** Facts for a terminal, a line each; one without a value is left out. */
export function factLines(facts: readonly (readonly [name: string, value: string | undefined])[]): string[] {
  return facts.flatMap(([name, value]) => (value === undefined ? [] : [`${name.padEnd(9)} ${value}`]))
}

/** How long work took, in all and by its stages. */
export function describeTime(stages: readonly { name: string; seconds: number }[]): string {
  const total = stages.reduce((sum, { seconds }) => sum + seconds, 0)
  const each = stages.map(({ name, seconds }) => `${name} ${seconds.toFixed(1)}`)
  return `${total.toFixed(1)} s (${each.join(', ')})`
}

/** `1 finding`, `2 findings`. */
export function plural(count: number, noun: string): string {
  return `${count} ${noun}${count === 1 ? '' : 's'}`
}

/** `12.3 MB`. */
export function megabytes(bytes: number): string {
  return `${(bytes / 1e6).toFixed(1)} MB`
}
