import { z } from 'zod'
import { bareUrl } from '../net/redact-url.ts'
import type { InstalledPackage } from './inventory.ts'
import type { Findings } from './tree-paths.ts'

const DirectUrl = z.object({
  url: z.string(),
  dir_info: z.object({ editable: z.boolean().optional() }).optional(),
  vcs_info: z.object({ commit_id: z.string() }).optional(),
})

/** Where a `direct_url.json` says that a package is from (PEP 610); credentials are left out. */
export function readOrigin(findings: Findings, path: string): InstalledPackage['origin'] {
  const json = findings.json(path)
  if (json === undefined) return undefined
  const parsed = DirectUrl.safeParse(json)
  if (!parsed.success) {
    findings.problem(path, 'it is no direct_url.json as PEP 610 has it')
    return undefined
  }
  const { url, dir_info: directory, vcs_info: vcs } = parsed.data
  return {
    url: bareUrl(url),
    ...(vcs === undefined ? {} : { commit: vcs.commit_id }),
    ...(directory?.editable === true ? { editable: true } : {}),
  }
}
