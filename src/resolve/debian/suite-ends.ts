import type { Suite } from '../../recipe/schema.ts'

/**
 * When the support of a suite ends: the release's own, and the long-term support that follows it. Of Debian's wiki,
 * pages DebianReleases and LTS, as of November 2026; the later ones are plans.
 */
export const SUITE_ENDS: Record<Suite, { regular: string; longTerm: string }> = {
  bullseye: { regular: '2024-08-14', longTerm: '2026-08-31' },
  bookworm: { regular: '2026-06-10', longTerm: '2028-06-30' },
  trixie: { regular: '2028-08-09', longTerm: '2030-06-30' },
}
