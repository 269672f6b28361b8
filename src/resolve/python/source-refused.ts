import { StillroomError } from '../../error.ts'

/** For requirements that no file can be pinned of: each a line of which, and why. */
export function sourceRefused(refused: readonly string[]): StillroomError {
  return new StillroomError(
    'PIP_SOURCE_REFUSED',
    `no file can be pinned of what pip was asked for:\n${refused.join('\n')}`,
    {
      hint: "take a version of what requires it that asks for a release; or place the repository by git(...), change the requirement in its files by run(...), and install it: pip([...], { local: [{ path: '/opt/NAME' }] })",
    },
  )
}
