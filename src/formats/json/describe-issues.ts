import type { z } from 'zod'

/** One thing that is wrong in a recipe or a lockfile, and where. */
export interface Issue {
  /** As one would write it in code: `steps[1].packages[0]`, `env["A B"]`; empty for the whole. */
  path: string
  reason: string
  /** What stands there, as JSON, shortened; left out when nothing does. */
  value?: string
}

/** Every issue of a failed zod check, those inside unions too, with the value from `input` that it is about. */
export function describeIssues(issues: readonly z.core.$ZodIssue[], input: unknown): Issue[] {
  return issues.flatMap((issue) => describeIssue(issue, input))
}

/** `PATH: VALUE REASON`, one issue a line, indented. */
export function formatIssues(issues: readonly Issue[]): string {
  return issues
    .map(({ path, reason, value }) => `  ${[path && `${path}:`, value, reason].filter(Boolean).join(' ')}`)
    .join('\n')
}

/** Writes a path of keys the way one would write it in code. */
export function formatPath(keys: readonly PropertyKey[]): string {
  return keys
    .map((key, i) => {
      if (typeof key === 'number') return `[${key}]`
      const name = String(key)
      if (!/^[A-Za-z_$][A-Za-z0-9_$]*$/.test(name)) return `[${JSON.stringify(name)}]`
      return i === 0 ? name : `.${name}`
    })
    .join('')
}

/** A value for an error message: JSON where it has some, at most 120 characters. */
export function quoteValue(value: unknown): string {
  const text =
    (typeof value === 'object' || typeof value === 'string' ? json(value) : undefined) ?? String(value)
  return text.length > 120 ? `${text.slice(0, 117)}...` : text
}

function describeIssue(issue: z.core.$ZodIssue, input: unknown): Issue[] {
  const at = { path: formatPath(issue.path), ...valueAt(input, issue.path) }
  switch (issue.code) {
    case 'unrecognized_keys':
      return issue.keys.map((key) => ({
        path: formatPath([...issue.path, key]),
        ...valueAt(input, [...issue.path, key]),
        reason: 'is not a known field',
      }))
    case 'invalid_key':
      return issue.issues.map(({ message }) => ({ path: at.path, reason: `the name ${message}` }))
    case 'invalid_union': {
      if (issue.errors.length === 0) return [{ ...at, reason: unionReason(issue) }]
      const deepest = closestBranch(issue.errors)
      if (deepest === undefined) return [{ ...at, reason: `must be ${expectedTypes(issue.errors)}` }]
      return deepest.flatMap((inner) =>
        describeIssue({ ...inner, path: [...issue.path, ...inner.path] }, input),
      )
    }
    case 'invalid_type':
      return [
        at.value === undefined
          ? { ...at, reason: 'is missing' }
          : // Zod's own words are replaced, the schema's own kept
            {
              ...at,
              reason: /^Invalid /.test(issue.message) ? `must be ${a(issue.expected)}` : issue.message,
            },
      ]
    case 'invalid_value':
      return [{ ...at, reason: `must be ${issue.values.map((value) => JSON.stringify(value)).join(' or ')}` }]
    case 'too_small':
      return [{ ...at, reason: sized(issue.message, issue.origin, `at least ${issue.minimum}`) }]
    case 'too_big':
      return [{ ...at, reason: sized(issue.message, issue.origin, `at most ${issue.maximum}`) }]
    default:
      return [{ ...at, reason: issue.message }]
  }
}

/** Zod's own words ("Too small: ...") are replaced, the schema's own ("must name a program") kept. */
function sized(message: string, origin: string, bound: string): string {
  if (!message.startsWith('Too ')) return message
  return origin === 'number' || origin === 'int'
    ? `must be ${bound}`
    : `must have ${bound} elements or characters`
}

/** The branch whose type fits and only its content fails: what the author meant. */
function closestBranch(branches: readonly z.core.$ZodIssue[][]): z.core.$ZodIssue[] | undefined {
  return branches.find((issues) =>
    issues.every(({ code, path }) => code !== 'invalid_type' || path.length > 0),
  )
}

function expectedTypes(branches: readonly z.core.$ZodIssue[][]): string {
  const types = branches.flat().flatMap((issue) => (issue.code === 'invalid_type' ? [a(issue.expected)] : []))
  return [...new Set(types)].join(' or ')
}

function unionReason(issue: { discriminator?: string | undefined; options?: unknown }): string {
  const options = Array.isArray(issue.options) ? issue.options : []
  const kinds = options.map((option) => JSON.stringify(option)).join(', ')
  return issue.discriminator === undefined
    ? 'has the wrong shape'
    : `has no "${issue.discriminator}" of ${kinds || 'a known kind'}`
}

function a(type: string): string {
  if (type === 'record') return 'an object'
  return /^[aeiou]/.test(type) ? `an ${type}` : `a ${type}`
}

function valueAt(input: unknown, path: readonly PropertyKey[]): { value?: string } {
  let value: unknown = input
  for (const key of path) {
    if (typeof value !== 'object' || value === null || !Object.hasOwn(value, key)) return {}
    value = (value as Record<PropertyKey, unknown>)[key]
  }
  return value === undefined ? {} : { value: quoteValue(value) }
}

function json(value: unknown): string | undefined {
  try {
    return JSON.stringify(value)
  } catch {
    return undefined
  }
}
