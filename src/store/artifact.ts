import type { Archive } from '../lock/schema.ts'
import type { HttpTarget } from '../net/http-request.ts'

/** Where an artifact comes from: a name, never an address (those are settings). */
export type Origin =
  | { kind: 'debian'; archive: Archive /** Below the archive's root, unescaped. */; path: string }
  | {
      kind: 'pypi'
      /** Normalised as in PEP 503. */
      name: string
      file: string
      /** The root of the index that has it, when it is not one of the machine's. */
      index?: string
    }
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
export interface ArtifactUrl extends HttpTarget {
  /** What kind of source it is, for messages: `live mirror`, `snapshot`, `index`. */
  label: string
  /** How many files a source that throttles may be asked for at once; as many as are fetched when left out. */
  atOnce?: number
  /** More headers, asked for before each try: a token may be good for less time than a download takes. */
  authorize?: () => Promise<Record<string, string>>
  /** What the source itself says the file's sha256 is: when it differs from the artifact's, nothing is fetched. */
  sha256?: string
}
