import type { GoProgram } from './go-program.ts'

/** What signatures are verified with. */
export const COSIGN: GoProgram = {
  module: 'github.com/sigstore/cosign/v2',
  version: 'v2.2.4',
  sum: 'h1:iY4vtEacmu2hkNj1Fh+8EBqBwKs2DHM27/lbNWDFJro=',
  path: 'cmd/cosign',
}
