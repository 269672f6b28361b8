import type { VerifyReport, VerifyVerdict } from './verify-report.ts'

/** in-toto attestation framework, predicate "test-result" 0.1. */
const PREDICATE = 'https://in-toto.io/attestation/test-result/v0.1'

const RESULTS: Record<VerifyVerdict, 'PASSED' | 'WARNED' | 'FAILED'> = {
  identical: 'PASSED',
  equivalent: 'WARNED',
  different: 'FAILED',
  inconclusive: 'FAILED',
  failed: 'FAILED',
}

interface Resource {
  name: string
  digest: { sha256: string }
}

/** An in-toto Statement v1 about one verification: ready to be signed, not signed. */
export interface Statement {
  _type: 'https://in-toto.io/Statement/v1'
  subject: Resource[]
  predicateType: typeof PREDICATE
  predicate: {
    result: 'PASSED' | 'WARNED' | 'FAILED'
    configuration: Resource[]
    passedTests: string[]
    warnedTests: string[]
    failedTests: string[]
  }
}

/**
 * What a verification attests: its subject is the image that was to come out, by its ID, and its configuration the
 * lockfile. One test, `rebuild`; the build from nothing under each variation is part of its name.
 *
 * @returns null when there is no image to attest anything about
 * @example
 * ```ts
 * const statement = statementOf(report)
 * // cosign attest-blob --statement statement.json ...
 * ```
 */
export function statementOf(report: VerifyReport): Statement | null {
  const { recipe, verdict, lock, reference, image, variations } = report
  const id = reference?.id ?? image?.id
  if (id === undefined) return null
  const result = RESULTS[verdict]
  const varied = variations.map(({ variation, value }) => ` ${variation}=${value}`).join('')
  const test = `rebuild ${recipe}${varied}`
  return {
    _type: 'https://in-toto.io/Statement/v1',
    subject: [{ name: `stillroom/${recipe}`, digest: { sha256: id.slice('sha256:'.length) } }],
    predicateType: PREDICATE,
    predicate: {
      result,
      configuration: lock === null ? [] : [{ name: `recipes/${recipe}/lock.json`, digest: { sha256: lock } }],
      passedTests: result === 'PASSED' ? [test] : [],
      warnedTests: result === 'WARNED' ? [test] : [],
      failedTests: result === 'FAILED' ? [test] : [],
    },
  }
}
