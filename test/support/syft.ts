import type { GoProgram } from './go-program.ts'

/** What comparisons are made with; docs/audit.md names it. */
export const SYFT: GoProgram = {
  module: 'github.com/anchore/syft',
  version: 'v1.57.1',
  sum: 'h1:lrbWhc8hbZJSKekMdB3PKetO0upE+lv9ihUfv9CXgfU=',
  path: 'cmd/syft',
}

/** No question to the network, and no more noise than it takes. */
export const SYFT_ENV = { SYFT_CHECK_FOR_APP_UPDATE: 'false', SYFT_LOG_QUIET: 'true' }
