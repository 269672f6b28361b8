import type { Artifact, Origin } from './artifact.ts'

/** Why one place did not give an artifact. */
export interface SourceFailure {
  kind: 'mismatch' | 'gone' | 'failed'
  /** Label and redacted URL. */
  source: string
  /** What was got: a status, a network error, other bytes. */
  reason: string
  got?: { sha256?: string; size?: number }
  /** What most likely happened, where that can be told. */
  likely?: string
}

/** What came instead of the artifact. */
export interface Evidence {
  sha256?: string
  size: number
  /** There was more than `size`. */
  more?: boolean
  isHtml?: boolean
  /** The place itself states another sha256 for the file; nothing was fetched. */
  stated?: boolean
}

/** Describes bytes that are not the artifact's, with the likely cause. */
export function describeMismatch(artifact: Artifact, source: string, got: Evidence): SourceFailure {
  const size = got.more ? `more than ${got.size} bytes` : `${got.size} bytes`
  const reason = got.stated
    ? `the index states sha256 ${got.sha256}; not fetched`
    : `got sha256 ${got.sha256 ?? 'unknown'}, ${size}`
  const { sha256 } = got
  return {
    kind: 'mismatch',
    source,
    reason,
    got: { ...(got.stated ? {} : { size: got.size }), ...(sha256 === undefined ? {} : { sha256 }) },
    likely: likelyCause(artifact, got),
  }
}

function likelyCause(artifact: Artifact, got: Evidence): string {
  if (got.isHtml) return 'an error page of a proxy or login portal [HTML] came instead of the file'
  if (got.stated) return 'replaced upstream, or the lockfile was edited'
  if (got.more || got.size > artifact.size) return 'replaced upstream, or a file of the wrong architecture'
  if (got.size < artifact.size) return 'cut short, or replaced upstream'
  return 'tampered with or damaged on the way, or a file of the wrong architecture'
}

/** Why a place that answers does not have a file. */
export function likelyGone({ kind }: Origin): string {
  switch (kind) {
    case 'debian':
      return 'dropped for a newer version'
    case 'pypi':
      return 'withdrawn from the index'
    case 'registry':
      return 'deleted from the registry'
    case 'git':
    case 'url':
      return 'moved or removed upstream'
  }
}

/** Whether a reply is a web page: by what it calls itself, or by how it begins. */
export function looksLikeHtml(contentType: string | undefined, head: Uint8Array): boolean {
  if (/^\s*(text\/html|application\/xhtml\+xml)\b/i.test(contentType ?? '')) return true
  return /^\s*<(!doctype\s+html|html|head|body)\b/i.test(Buffer.from(head).toString('latin1'))
}
