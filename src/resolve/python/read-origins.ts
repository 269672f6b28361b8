import { z } from 'zod'
import { tryJson } from '../../formats/json/try-json.ts'
import { bareAddress, parseRequirement } from '../../formats/python/requirement.ts'
import { comparePep440 } from '../../formats/versions/compare-pep440.ts'
import { redactUrl } from '../../net/redact-url.ts'
import { fileUrl } from '../../recipe/schema.ts'
import type { Distribution } from './list-distributions.ts'
import { sourceRefused } from './source-refused.ts'

/** Where pip took a distribution from that it did not take from an index. */
export interface DirectOrigin {
  url: string
  /** What pip notes of the file, in lower-case hex. */
  sha256?: string
}

/** PEP 610, as far as it tells which file or directory it was. */
const DirectUrl = z.object({
  url: z.string(),
  subdirectory: z.string().optional(),
  archive_info: z
    .object({ hash: z.string().optional(), hashes: z.record(z.string(), z.string()).optional() })
    .optional(),
  vcs_info: z.object({ vcs: z.string() }).optional(),
})

/**
 * Reads which of the distributions that pip installed came from an address of their own, by pip's own notes (PEP 610).
 * Where pip notes none (before 20.1, and when it ran a setup.py), what requires an address tells: an index is never asked
 * for what may have come from elsewhere.
 *
 * @param pip its version
 * @param added what pip installed
 * @param all what is installed now
 * @param asked requirements of the step itself
 * @returns by normalised name
 * @throws {StillroomError} PIP_SOURCE_REFUSED with every one that cannot be pinned
 */
export function readOrigins(
  pip: string,
  added: readonly Distribution[],
  all: readonly Distribution[],
  asked: readonly string[],
): Map<string, DirectOrigin> {
  const required = [
    ...asked.map((text) => ({ by: 'the recipe', text })),
    ...all.flatMap(({ name, addresses }) => addresses.map((text) => ({ by: name, text }))),
  ].flatMap(({ by, text }) => {
    const requirement = parseRequirement(text)
    return requirement?.url === undefined ? [] : [{ ...requirement, url: requirement.url, by }]
  })
  const origins = new Map<string, DirectOrigin>()
  const refused: string[] = []
  for (const { name, isWheel, direct } of added) {
    const by = required.filter((each) => each.name === name)
    const who = by.length > 0 ? `, required by ${[...new Set(by.map((each) => each.by))].join(', ')}` : ''
    const refuse = (reason: string) => refused.push(`  ${name}${who}: ${reason}`)
    if (direct !== null) {
      const origin = readDirect(direct)
      if (typeof origin === 'string') refuse(origin)
      else origins.set(name, origin)
    } else if (by.length > 0 && !(isWheel && comparePep440(pip, '20.3') >= 0)) {
      const [first] = by
      if (first === undefined || by.some(({ url, marker }) => url !== first.url || marker !== undefined))
        refuse(
          `pip ${pip} does not note whether it took it from ${redactUrl(by[0]?.url ?? '')} or from an index`,
        )
      else {
        const origin = checkAddress(first.url)
        if (typeof origin === 'string') refuse(origin)
        else origins.set(name, origin)
      }
    }
  }
  refused.push(...keptFromElsewhere(required, added, all))
  if (refused.length > 0) throw sourceRefused(refused)
  return origins
}

/**
 * pip keeps what is there in the same version, whatever address is required and wherever it came from. What an extra requires
 * by address may not count.
 */
function keptFromElsewhere(
  required: readonly { name: string; by: string; url: string; marker?: string }[],
  added: readonly Distribution[],
  all: readonly Distribution[],
): string[] {
  const isAdded = (name: string) => added.some((each) => each.name === name)
  return required.flatMap(({ name, by, url, marker = '' }) => {
    const kept = isAdded(name) ? undefined : all.find((each) => each.name === name)
    if (kept === undefined || /\bextra\b/.test(marker) || (by !== 'the recipe' && !isAdded(by))) return []
    const place = DirectUrl.safeParse(tryJson(kept.direct ?? '')).data?.url
    // the user's own directories are theirs to name
    if (place === bareAddress(url) || place?.startsWith('file:///')) return []
    const found = place === undefined ? 'an index or a package of the system' : redactUrl(place)
    return [
      `  ${name}: ${by} requires it from ${redactUrl(url)}, and ${name} ${kept.version} is there from ${found}`,
    ]
  })
}

/** @returns why it cannot be pinned, else where it is from */
function readDirect(text: string): DirectOrigin | string {
  const parsed = DirectUrl.safeParse(tryJson(text))
  if (!parsed.success) return `pip's note of where it is from cannot be read: ${JSON.stringify(text)}`
  const { url, subdirectory, archive_info: archive, vcs_info: vcs } = parsed.data
  if (vcs !== undefined) return `it comes from a ${vcs.vcs} repository, ${redactUrl(url)}`
  if (subdirectory !== undefined) return `it is the directory "${subdirectory}" of ${redactUrl(url)}`
  const origin = url.startsWith('file:///') && archive !== undefined ? { url } : checkAddress(url)
  if (typeof origin === 'string') return origin
  const stated = archive?.hashes?.sha256 ?? /^sha256=([0-9a-f]{64})$/.exec(archive?.hash ?? '')?.[1]
  return { ...origin, ...(stated === undefined ? {} : { sha256: stated }) }
}

function checkAddress(url: string): DirectOrigin | string {
  const address = fileUrl.safeParse(bareAddress(url))
  if (!address.success) return `its address ${redactUrl(url)} ${address.error.issues[0]?.message}`
  return { url: address.data }
}
