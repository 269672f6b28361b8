import type { Archive } from '../lock/schema.ts'

/** Where an artifact comes from: a name, never an address (those are settings). */
export type Origin =
  | { kind: 'debian'; archive: Archive /** Below the archive's root, unescaped. */; path: string }
  | { kind: 'pypi' /** Normalised as in PEP 503. */; name: string; file: string }
  | { kind: 'registry' /** As locked: with registry and tag. */; reference: string; digest: string }
  | { kind: 'git'; url: string; commit: string }
  | { kind: 'url'; url: string }

/** One input file of a build, pinned by its digest. */
export interface Artifact {
  /** What a person calls it: `dash 0.5.11 amd64`. For messages only. */
  name: string
  /** Its file name in the build. */
  file: string
  /** Lower-case hex. */
  sha256: string
  /** In bytes. */
  size: number
  origin: Origin
}

/** One address that an artifact may be had from. */
export interface Located {
  url: string
  /** What kind of place it is, for messages: `live mirror`, `snapshot`, `index`. */
  label: string
  /** Credentials belong here (authorization, cookie: dropped when redirected to another host), never into `url`. */
  headers?: Record<string, string>
  /** Certificates (PEM) trusted besides the machine's own. */
  ca?: string
  /** Any certificate will do (pip's `trusted-host`): what is fetched is verified by its digest all the same. */
  insecure?: boolean
  /** A file of this machine that its own settings name: only then may `url` be a `file:` one. */
  local?: boolean
  /** What the place itself says the file's sha256 is: when it differs from the artifact's, nothing is fetched. */
  sha256?: string
}
