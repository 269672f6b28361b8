import type { ExpectedFile } from '../expect/expected-files.ts'
import type { Issue } from '../finding.ts'
import type { JudgeContext } from './judge-context.ts'

/** What every build leaves out. */
const SCRUBBED =
  /^(dev|proc|sys)\/|^(run|tmp|var\/tmp|var\/lib\/apt\/lists|var\/cache\/apt|var\/cache\/man|var\/log)\//

const USER_ACCOUNT_FILES = ['etc/passwd', 'etc/group', 'etc/shadow', 'etc/gshadow']

/**
 * Files that should be there and are not.
 *
 * @param present what is expected at the paths that the image has
 */
export function missingFiles(
  { expected, image, lock }: JudgeContext,
  present: ReadonlySet<readonly ExpectedFile[]>,
): Issue[] {
  const issues: Issue[] = (lock === undefined ? [] : USER_ACCOUNT_FILES)
    .filter((path) => image.tree.find(path) === undefined)
    .map((path) => ({ rule: 'file-missing', path, message: 'the file of user accounts is not there' }))
  for (const [path, files] of expected.entries()) {
    if (present.has(files)) continue
    const [file] = files
    if (file === undefined || files.some(({ optional }) => optional) || SCRUBBED.test(path)) continue
    if (image.tree.findLink(path) !== undefined) continue
    const { owner, type } = file
    issues.push({ rule: 'file-missing', path, owner, message: `the ${type} of ${owner} is not there` })
  }
  return issues
}
