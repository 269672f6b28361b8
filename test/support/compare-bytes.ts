import { expect } from 'vitest'

// vitest compares arrays of bytes element by element, which takes seconds for a megabyte.
expect.addEqualityTesters([
  (a: unknown, b: unknown) =>
    a instanceof Uint8Array && b instanceof Uint8Array && a.constructor === b.constructor
      ? Buffer.compare(a, b) === 0
      : undefined,
])
