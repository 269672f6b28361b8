import { z } from 'zod'

/**
 * What threatens a source. `gone`: no place has it any more, only a store. `moved`: the live place lost it, another
 * still has it. `changed`: other bytes under its name. `unknown`: nobody could be asked. `suite-end`: the suite's
 * support ends or has ended. `newer`: a newer version is out.
 */
export const RiskKind = z.enum(['gone', 'changed', 'moved', 'suite-end', 'unknown', 'newer'])
export type RiskKind = z.infer<typeof RiskKind>

export const SourceRisk = z.strictObject({
  kind: RiskKind,
  /** `deb/libc6 2.31-13`, `pypi/numpy 1.19.5`, `debian bullseye`, a git address. */
  subject: z.string(),
  /** One sentence, without a period at its end. */
  message: z.string(),
  /** What to do about it, and when. */
  advice: z.string(),
})
export type SourceRisk = z.infer<typeof SourceRisk>

export const SOURCES_REPORT_VERSION = 1

/** How the sources of one recipe fare; plain JSON data. */
export const SourcesReport = z.strictObject({
  reportVersion: z.literal(SOURCES_REPORT_VERSION),
  recipe: z.string(),
  /** When they were asked, ISO 8601. */
  at: z.iso.datetime(),
  /** Artifacts looked at. */
  artifacts: z.int().nonnegative(),
  /** Of those, how many the live places, a snapshot or another place, and this machine's store have. */
  live: z.int().nonnegative(),
  elsewhere: z.int().nonnegative(),
  stored: z.int().nonnegative(),
  /** Worst first. */
  risks: z.array(SourceRisk),
})
export type SourcesReport = z.infer<typeof SourcesReport>
