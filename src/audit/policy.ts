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
 * Parts findings into those that count and those that the policy ignores; an exception that is over ignores nothing,
 * and says so where it would have.
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
  const fitting = exceptions.map((exception) => ({ exception, fits: matcher(exception) }))
  for (const finding of findings) {
    const found = fitting.filter(({ fits }) => fits(finding)).map(({ exception }) => exception)
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
  const fits = picomatch(subject, { dot: true })
  return (finding) => finding.rule === rule && (finding.subject === subject || fits(finding.subject))
}

function expiry({ rule, subject, reason, until }: PolicyException): Finding {
  return {
    rule: 'policy-expired',
    severity: 'warning',
    subject: `policy/${rule}${subject === undefined ? '' : `/${subject.replace(/^\//, '')}`}`,
    message: `the exception for ${rule} ended on ${until}: ${reason}`,
  }
}
