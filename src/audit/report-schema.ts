import { z } from 'zod'
import { type AuditReport, REPORT_VERSION } from './audit-report.ts'

const digest = z.string().regex(/^sha256:[0-9a-f]{64}$/)
const sha256 = z.string().regex(/^[0-9a-f]{64}$/)
const count = z.int().nonnegative()
const kind = z.enum(['deb', 'apk', 'rpm', 'pypi', 'conda', 'npm', 'cran', 'git'])
const counted = z.strictObject({ files: count, bytes: count })

const finding = {
  rule: z.string(),
  severity: z.enum(['error', 'warning', 'note', 'inconclusive']),
  message: z.string(),
  subject: z.string(),
  expected: z.string().exactOptional(),
  actual: z.string().exactOptional(),
  evidence: z.array(z.string()).exactOptional(),
}

const file = z.strictObject({
  path: z.string(),
  size: count,
  sha256,
  layer: count.exactOptional(),
  owner: z.string().exactOptional(),
})

/** The JSON of an audit; published as docs/schemas/audit-report.schema.json. */
export const AuditReportSchema = z.strictObject({
  reportVersion: z.literal(REPORT_VERSION),
  image: z.strictObject({
    reference: z.string(),
    id: digest,
    diffIDs: z.array(digest),
    size: count,
    tree: digest,
    entries: count,
    config: z.strictObject({
      platform: z.string(),
      user: z.string(),
      workdir: z.string(),
      env: z.record(z.string(), z.string()),
      entrypoint: z.array(z.string()).nullable(),
      cmd: z.array(z.string()).nullable(),
      labels: z.record(z.string(), z.string()),
      ports: z.array(z.string()),
      volumes: z.array(z.string()),
    }),
    os: z.strictObject({ id: z.string(), version: z.string() }).exactOptional(),
    created: z.string().exactOptional(),
  }),
  lock: z
    .strictObject({
      recipe: z.string(),
      path: z.string().exactOptional(),
      platform: z.string(),
      image: digest.nullable(),
    })
    .nullable(),
  verdict: z.enum(['clean', 'findings', 'inconclusive']),
  packages: z.array(
    z.strictObject({
      kind,
      name: z.string(),
      version: z.string(),
      architecture: z.string().exactOptional(),
      environment: z.string().exactOptional(),
      step: z.string().nullable(),
      artifact: z.strictObject({ file: z.string(), size: count, sha256 }).exactOptional(),
      origin: z
        .strictObject({
          url: z.string(),
          commit: z.string().exactOptional(),
          editable: z.boolean().exactOptional(),
        })
        .exactOptional(),
      license: z.string().exactOptional(),
      files: count,
    }),
  ),
  files: z.strictObject({
    account: z.strictObject({ intact: counted, modified: counted, generated: counted, unexplained: counted }),
    explainedShare: z.number().min(0).max(1),
    generated: z.array(z.strictObject({ reason: z.string(), files: count, bytes: count })),
    unexplained: z.array(file),
    modified: z.array(file),
  }),
  findings: z.array(z.strictObject(finding)),
  ignored: z.array(z.strictObject({ ...finding, reason: z.string(), until: z.string().exactOptional() })),
  rules: z.array(z.string()),
}) satisfies z.ZodType<AuditReport>
