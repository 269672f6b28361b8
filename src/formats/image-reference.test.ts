import { expect, test } from 'vitest'
import { formatReference, parseReference } from './image-reference.ts'

const DIGEST = `sha256:${'0'.repeat(64)}`

test.each([
  ['debian:bookworm', 'hub.example/library/debian:bookworm'],
  ['team/solver:1', 'hub.example/team/solver:1'],
  ['localhost/solver:1', 'localhost/solver:1'],
  ['127.0.0.1:5000/a/b/c:1.2-x', '127.0.0.1:5000/a/b/c:1.2-x'],
  [`registry.example/solver:1@${DIGEST}`, `registry.example/solver:1@${DIGEST}`],
  [`registry:5000/solver@${DIGEST}`, `registry:5000/solver@${DIGEST}`],
  [`solver@${DIGEST}`, `hub.example/library/solver@${DIGEST}`],
])('parseReference(%j) means %j, and means it again', (reference, expected) => {
  const parsed = parseReference(reference, 'hub.example')
  expect(formatReference(parsed)).toBe(expected)
  expect(parseReference(expected, 'other.example')).toEqual(parsed)
})
