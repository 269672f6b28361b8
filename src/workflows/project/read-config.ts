import { existsSync } from 'node:fs'
import { join, resolve } from 'node:path'
import { pathToFileURL } from 'node:url'
import { z } from 'zod'
import { RULES } from '../../audit/rules.ts'
import { StillroomError } from '../../error.ts'
import { SourcesConfig } from '../../sources/schema.ts'

/** An exception of the audit: findings of a rule that are ignored, why, and until when. */
const Exception = z.strictObject({
  rule: z.string().refine((id) => id in RULES, 'must be the id of a rule: see docs/rules.md'),
  subject: z.string().min(1).optional(),
  reason: z.string().trim().min(1, 'must say why the finding is no fault'),
  until: z.iso.date('must be a day such as "2030-12-31"').optional(),
})

const Config = z.strictObject({
  sources: SourcesConfig.optional(),
  audit: z.strictObject({ ignore: z.array(Exception).default([]) }).optional(),
})
type Config = z.infer<typeof Config>

/**
 * Reads `stillroom.config.ts` of a project; an empty configuration when there is none. Paths of certificates in it
 * are relative to the project.
 *
 * @throws {StillroomError} CONFIG_INVALID with every issue
 */
export async function readConfig(directory: string): Promise<Config> {
  const file = join(directory, 'stillroom.config.ts')
  if (!existsSync(file)) return {}
  const loaded = (await import(pathToFileURL(file).href).catch((cause: unknown) => {
    throw new StillroomError('CONFIG_INVALID', `stillroom.config.ts cannot be loaded: ${cause}`, { cause })
  })) as { default?: unknown }
  const result = Config.safeParse(loaded.default)
  if (result.success) return withAbsolutePaths(result.data, directory)
  const issues = result.error.issues.map(
    (issue) => `  ${issue.path.join('.') || 'default export'}: ${issue.message}`,
  )
  throw new StillroomError('CONFIG_INVALID', `stillroom.config.ts is invalid:\n${issues.join('\n')}`, {
    hint: 'correct the fields above',
  })
}

function withAbsolutePaths(config: Config, directory: string): Config {
  const { ca, pypi } = config.sources ?? {}
  const sources = {
    ...config.sources,
    ...(ca ? { ca: ca.map((path) => resolve(directory, path)) } : {}),
    ...(pypi?.ca === undefined ? {} : { pypi: { ...pypi, ca: resolve(directory, pypi.ca) } }),
  }
  return config.sources ? { ...config, sources } : config
}
