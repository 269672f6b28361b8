import { Parser } from 'htmlparser2'
import { z } from 'zod'
import { StillroomError } from '../error.ts'
import { tryJson } from '../formats/json/try-json.ts'
import { ask } from '../net/http-get.ts'
import { Unreachable } from '../net/http-request.ts'
import { redactUrl } from '../net/redact-url.ts'
import type { Timing } from '../net/retry.ts'
import type { ArtifactUrl } from '../store/artifact.ts'

/** One file as a package index lists it. */
export interface SimpleFile {
  file: string
  /** Absolute, http or https, without fragment. */
  url: string
  /** Lower-case hex, when the index states it. */
  sha256?: string
  /** The versions of Python that it is for, as PEP 440 specifiers (PEP 503, PEP 345). */
  requiresPython?: string
  /** Withdrawn by its project: nobody takes it unless it is pinned (PEP 592). */
  yanked?: true
  /** The METADATA of a wheel lies beside it, at its address with `.metadata` behind (PEP 658, PEP 714). */
  hasMetadata?: true
}

/** Preferred is JSON (PEP 691); indexes of before 2022 know only HTML (PEP 503). */
const SIMPLE_ACCEPT =
  'application/vnd.pypi.simple.v1+json, application/vnd.pypi.simple.v1+html;q=0.2, text/html;q=0.1'

/** The largest page that is read: those of projects with ten thousand files have about 10 MB. */
const PAGE_LIMIT = 64 << 20

/**
 * Reads the page of a package; an index that has none gives no files.
 * @throws StillroomError FETCH_FAILED, INDEX_INVALID
 */
export async function fetchSimplePage(
  page: ArtifactUrl,
  options: { signal: AbortSignal; timing?: Partial<Timing> },
): Promise<SimpleFile[]> {
  const failed = (reason: string) =>
    new StillroomError('FETCH_FAILED', `cannot read ${page.label} ${redactUrl(page.url)}: ${reason}`, {
      hint: "check the network, proxy and certificate set-up, and that this is an index' simple API",
    })
  const headers = { accept: SIMPLE_ACCEPT }
  const answer = await ask(page, { ...options, limit: PAGE_LIMIT, headers }).catch((error) => {
    throw error instanceof Unreachable ? failed(error.message) : error
  })
  const { status, url, header, body } = answer
  if (status === 404 || status === 410) return []
  if (status !== 200) throw failed(`HTTP ${status}`)
  return parseSimplePage(Buffer.from(body).toString('utf8'), header('content-type') ?? '', url)
}

const SimplePage = z.object({
  meta: z.object({ 'api-version': z.string().regex(/^1\.\d+$/) }),
  files: z.array(
    z.object({
      filename: z.string(),
      url: z.string(),
      hashes: z.record(z.string(), z.string()),
      'requires-python': z.string().nullish().catch(undefined),
      yanked: z.union([z.boolean(), z.string()]).optional().catch(undefined),
      'core-metadata': z.unknown().optional(),
      'dist-info-metadata': z.unknown().optional(),
    }),
  ),
})

/**
 * Parses the page of one package of an index's simple API. Addresses are resolved against `pageUrl`;
 * entries that are not a plain file or not an http address are left out.
 * @throws StillroomError INDEX_INVALID
 */
export function parseSimplePage(text: string, contentType: string, pageUrl: string): SimpleFile[] {
  const type = contentType.split(';')[0]?.trim().toLowerCase() ?? ''
  if (type === 'application/vnd.pypi.simple.v1+json' || type === 'application/json')
    return parseJson(text, pageUrl)
  if (type === 'application/vnd.pypi.simple.v1+html' || type === 'text/html') return parseHtml(text, pageUrl)
  throw invalid(pageUrl, `expected a page of a package index, got content type "${type}"`)
}

function invalid(pageUrl: string, reason: string): StillroomError {
  return new StillroomError('INDEX_INVALID', `cannot read ${redactUrl(pageUrl)}: ${reason}`, {
    hint: "check that this is an index' simple API, and that no proxy answers instead",
  })
}

function parseJson(text: string, pageUrl: string): SimpleFile[] {
  const json = tryJson(text)
  if (json === undefined)
    throw invalid(
      pageUrl,
      'the response is not valid JSON; likely cut short, or from a proxy or login portal',
    )
  const page = SimplePage.safeParse(json)
  if (!page.success) {
    const issue = page.error.issues[0]
    const reason = `${issue?.path.join('.') || 'page'}: ${issue?.message}`
    throw invalid(pageUrl, `the response is not a page of a simple API: ${reason}`)
  }
  return page.data.files.flatMap(({ filename, url, hashes, yanked, ...more }) =>
    simpleFile(url, pageUrl, {
      name: filename,
      sha256: Object.hasOwn(hashes, 'sha256') ? hashes.sha256 : undefined,
      requiresPython: more['requires-python'] ?? undefined,
      // an empty reason is one
      isYanked: yanked !== undefined && yanked !== false,
      hasMetadata: Boolean(more['core-metadata'] ?? more['dist-info-metadata']),
    }),
  )
}

function parseHtml(text: string, pageUrl: string): SimpleFile[] {
  const files: SimpleFile[] = []
  let base = pageUrl
  const parser = new Parser(
    {
      onopentag: (tag, attributes) => {
        const { href, 'data-requires-python': requiresPython, 'data-yanked': yanked } = attributes
        const metadata = attributes['data-core-metadata'] ?? attributes['data-dist-info-metadata'] ?? 'false'
        if (href === undefined) return
        if (tag === 'base' && base === pageUrl && URL.canParse(href, pageUrl))
          base = new URL(href, pageUrl).href
        if (tag === 'a')
          files.push(
            ...simpleFile(href, base, {
              requiresPython,
              isYanked: yanked !== undefined,
              hasMetadata: metadata !== 'false',
            }),
          )
      },
    },
    { decodeEntities: true, lowerCaseTags: true },
  )
  parser.end(text)
  return files
}

interface Stated {
  name?: string
  sha256?: string | undefined
  requiresPython?: string | undefined
  isYanked: boolean
  hasMetadata: boolean
}

/** Without a name of its own, a file is called as its address ends; its sha256 is in the fragment then. */
function simpleFile(href: string, base: string, given: Stated): SimpleFile[] {
  if (!URL.canParse(href, base)) return []
  const url = new URL(href, base)
  if (url.protocol !== 'https:' && url.protocol !== 'http:') return []
  const file = given.name ?? decoded(url.pathname.slice(url.pathname.lastIndexOf('/') + 1))
  if (file === undefined || !/^[A-Za-z0-9_][A-Za-z0-9._+~%!-]*$/.test(file)) return []
  const fragment = url.hash.match(/^#(?:.*&)?sha256=([0-9A-Fa-f]{64})(?:&|$)/)?.[1]
  const sha256 = (given.sha256 ?? fragment)?.toLowerCase()
  url.hash = ''
  return [
    {
      file,
      url: url.href,
      ...(sha256 && /^[0-9a-f]{64}$/.test(sha256) ? { sha256 } : {}),
      ...(given.requiresPython ? { requiresPython: given.requiresPython } : {}),
      ...(given.isYanked ? { yanked: true } : {}),
      ...(given.hasMetadata ? { hasMetadata: true } : {}),
    },
  ]
}

function decoded(text: string): string | undefined {
  try {
    return decodeURIComponent(text)
  } catch {
    return undefined
  }
}
