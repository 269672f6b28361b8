import picomatch from 'picomatch'
import type { Finding, IgnoredFinding } from './finding.ts'

/** An exception: findings of a rule that an audit ignores. */
export interface PolicyException {
  rule: string
  /** Subject of the findings, `*` and `**` as in globs; all of the rule's when left out. */
  subject?: string | undefined
  reason: string
  /** Last day it holds, ISO 8601. */
  until?: string | undefined
}

/**
 * Separates findings that count from those that the policy ignores. An expired exception ignores nothing; where it would
 * have, a finding says so.
 *
 * @param today ISO 8601 date
 */
export function applyPolicy(
  findings: readonly Finding[],
  exceptions: readonly PolicyException[],
  today: string,
): { findings: Finding[]; ignored: IgnoredFinding[] } {
  const counting: Finding[] = []
  const ignored: IgnoredFinding[] = []
  const expired = new Set<PolicyException>()
  const rules = exceptions.map((exception) => ({ exception, matches: matcher(exception) }))
  for (const finding of findings) {
    const found = rules.filter(({ matches }) => matches(finding)).map(({ exception }) => exception)
    const valid = found.find(({ until }) => until === undefined || until >= today)
    if (valid === undefined) {
      counting.push(finding)
      for (const exception of found) expired.add(exception)
    } else {
      const { reason, until } = valid
      ignored.push({ ...finding, reason, ...(until === undefined ? {} : { until }) })
    }
  }
  return { findings: [...counting, ...[...expired].map(expiry)], ignored }
}

function matcher({ rule, subject }: PolicyException): (finding: Finding) => boolean {
  if (subject === undefined) return (finding) => finding.rule === rule
  const matches = picomatch(subject, { dot: true })
  return (finding) => finding.rule === rule && (finding.subject === subject || matches(finding.subject))
}

function expiry({ rule, subject, reason, until }: PolicyException): Finding {
  return {
    rule: 'policy-expired',
    severity: 'warning',
    subject: `policy/${rule}${subject === undefined ? '' : `/${subject.replace(/^\//, '')}`}`,
    message: `the exception for ${rule} expired on ${until}: ${reason}`,
  }
}
