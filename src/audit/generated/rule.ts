import type { Inode } from '../../image/layer-entry.ts'
import type { ExpectedFiles } from '../expected-files.ts'
import type { LockedPackage } from '../locked-packages.ts'
import type { RuleId } from '../rules.ts'
import type { ImageSubject, LockSubject } from '../subject.ts'

/** What a check of a generated file may look at. */
export interface CheckContext {
  image: ImageSubject
  lock: LockSubject
  expected: ExpectedFiles
  /** Names of the Debian packages that the lock installs. */
  debs: ReadonlySet<string>
  /** By owner: `deb/libc6`. */
  packages: ReadonlyMap<string, LockedPackage>
}

export interface GeneratedFile {
  path: string
  inode: Inode
  /** Its content as latin1; undefined when it is larger than what is kept. */
  text: string | undefined
}

/** Files that no package owns, since they are made when packages are installed. */
export interface GeneratedRule {
  match: RegExp
  /** Of what its check finds; `file-modified` when left out. */
  rule?: RuleId
  /** Who makes them, and what for. */
  reason: string
  /**
   * What is wrong with a file, when it is not what its maker would have written. Files without a check count only in
   * layers of the locked image.
   */
  check?: (file: GeneratedFile, context: CheckContext) => string | undefined
  /** Files that tell nothing and do nothing, such as logs: they count in every layer. */
  harmless?: boolean
}

/** The first line that does not pass, quoted; undefined when all do. */
export function firstWrong(text: string | undefined, passes: (line: string) => boolean): string | undefined {
  if (text === undefined) return 'it is larger than such a file ever is'
  const wrong = text.split('\n').find((line) => line !== '' && !passes(line))
  return wrong === undefined
    ? undefined
    : `nothing accounts for the line ${JSON.stringify(wrong.slice(0, 120))}`
}
