import { StillroomError } from '../../error.ts'
import type { LockedImageBase } from '../../lock/schema.ts'

/**
 * The ids and the home of an image's user, as an engine finds them: `USER` or `USER:GROUP`, each a name or a number;
 * nothing is root.
 *
 * @param passwd text of /etc/passwd, empty when there is none (passwd(5)); `group` of /etc/group
 * @throws {StillroomError} REGISTRY_IMAGE_UNUSABLE when a name is in neither, as containers of it would not start
 */
export function findAccount(user: string, passwd: string, group: string): LockedImageBase['account'] {
  const [name = '', groupName] = user.split(':')
  const entries = passwd.split('\n').map((line) => line.split(':'))
  const entry = entries.find((fields) => fields[0] === (name || 'root') || fields[2] === (name || '0'))
  const uid = Number(entry?.[2] ?? (name || '0'))
  const gid =
    groupName === undefined
      ? Number(entry?.[3] ?? '0')
      : Number(
          group
            .split('\n')
            .map((line) => line.split(':'))
            .find((fields) => fields[0] === groupName)?.[2] ?? groupName,
        )
  if (Number.isInteger(uid) && uid >= 0 && Number.isInteger(gid) && gid >= 0)
    return { uid, gid, home: entry?.[5] || '/' }
  throw new StillroomError(
    'REGISTRY_IMAGE_UNUSABLE',
    `cannot find user "${user}" of the base in its /etc/passwd`,
  )
}
