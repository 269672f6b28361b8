import type { Finding } from '../audit/finding.ts'

/** A finding in words: what is wrong, what was expected, what is there. */
export function findingParts({ subject, message, expected, actual }: Finding): string[] {
  return [
    `${subject}: ${message}`,
    ...(expected === undefined ? [] : [`expected ${expected}`]),
    ...(actual === undefined ? [] : [`actual ${actual}`]),
  ]
}
