/** What a registry wants before it answers (RFC 9110, section 11.6.1). */
export interface Challenge {
  /** In lower case: `basic`, `bearer`. */
  scheme: string
  parameters: Record<string, string>
}

/** Reads a WWW-Authenticate header: each challenge with its parameters; what is none is read over. */
export function parseChallenges(header: string): Challenge[] {
  const challenges: Challenge[] = []
  const parts = /([A-Za-z0-9_-]+)\s*=\s*(?:"((?:[^"\\]|\\.)*)"|([^\s,"]+))|([A-Za-z0-9_-]+)(?=\s|,|$)/g
  for (const [, name, quoted, plain, scheme] of header.matchAll(parts)) {
    const last = challenges.at(-1)
    if (scheme !== undefined) challenges.push({ scheme: scheme.toLowerCase(), parameters: {} })
    else if (last && name)
      last.parameters[name.toLowerCase()] = quoted?.replace(/\\(.)/g, '$1') ?? plain ?? ''
  }
  return challenges
}
