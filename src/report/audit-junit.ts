import type { AuditResult } from '../audit/audit-report.ts'
import type { Finding } from '../audit/finding.ts'
import { plural } from './fact-lines.ts'
import { findingParts } from './finding-parts.ts'

/** Findings of one rule that are listed one by one. */
const SHOWN = 200

/**
 * An audit as JUnit's XML, in the form that CI servers read: a test case a rule, which fails with its findings; one
 * whose findings the policy ignores is skipped.
 */
export function auditJunit(report: AuditResult): string {
  const cases = report.rules.map((rule) => testCase(report, rule))
  const count = (mark: string) => cases.filter((text) => text.includes(mark)).length
  const counts = `tests="${cases.length}" failures="${count('<failure')}" errors="0"`
  return [
    '<?xml version="1.0" encoding="UTF-8"?>',
    `<testsuites ${counts}>`,
    `  <testsuite name="${xmlText(`audit of ${report.image.reference}`)}" ${counts} skipped="${count('<skipped')}">`,
    ...cases,
    '  </testsuite>',
    '</testsuites>',
    '',
  ].join('\n')
}

function testCase(report: AuditResult, rule: string): string {
  const open = `    <testcase classname="audit" name="${xmlText(rule)}"`
  const findings = report.findings.filter((finding) => finding.rule === rule)
  const failing = findings.filter(({ severity }) => severity === 'error' || severity === 'inconclusive')
  if (failing.length > 0) {
    const more = failing.length > SHOWN ? `\nand ${failing.length - SHOWN} more` : ''
    const text = `${failing.slice(0, SHOWN).map(describe).join('\n')}${more}`
    const message = xmlText(plural(failing.length, 'finding'))
    return `${open}>\n      <failure message="${message}">${xmlText(text)}</failure>\n    </testcase>`
  }
  const text = findings.map(describe).join('\n')
  const output = text === '' ? '' : `      <system-out>${xmlText(text)}</system-out>\n`
  const ignored = report.ignored.filter((finding) => finding.rule === rule)
  if (ignored.length > 0) {
    const reasons = [...new Set(ignored.map(({ reason }) => reason))].join('; ')
    return `${open}>\n      <skipped message="${xmlText(`ignored: ${reasons}`)}"/>\n${output}    </testcase>`
  }
  return output === '' ? `${open}/>` : `${open}>\n${output}    </testcase>`
}

const describe = (finding: Finding) => findingParts(finding).join(', ')

/** XML 1.0, 2.2 and 2.4: characters that it cannot hold become U+FFFD. */
function xmlText(text: string): string {
  return text
    .replace(/[^\t\n\r\u{20}-\u{d7ff}\u{e000}-\u{fffd}\u{10000}-\u{10ffff}]/gu, '\ufffd')
    .replace(/[&<>"\t\n\r]/g, (character) => `&#${character.codePointAt(0)};`)
}
