import { StillroomError } from '../../error.ts'
import { describeIssues } from '../../formats/json/describe-issues.ts'
import type { ImageConfig } from '../../formats/oci.ts'
import { BaseConfiguration, type LockedImageBase } from '../../lock/schema.ts'
import { checkText } from '../../recipe/check-recipe.ts'

/**
 * What a base's config says, as the lock has it.
 *
 * @param reference for messages
 * @throws {StillroomError} REGISTRY_IMAGE_UNUSABLE that names every setting which a Dockerfile could not repeat
 */
export function readConfiguration({ config }: ImageConfig, reference: string): BaseConfiguration {
  const env = Object.fromEntries((config?.Env ?? []).map(splitVariable))
  const labels = { ...config?.Labels }
  const expose = Object.keys(config?.ExposedPorts ?? {})
    .map((port) => (port.includes('/') ? port : `${port}/tcp`))
    .sort()
  const configuration = {
    env,
    user: config?.User ?? '',
    workdir: config?.WorkingDir ?? '',
    entrypoint: orNull(config?.Entrypoint),
    cmd: orNull(config?.Cmd),
    labels,
    expose,
    volumes: Object.keys(config?.Volumes ?? {}).sort(),
    stopSignal: config?.StopSignal ?? '',
  }
  const { error } = BaseConfiguration.safeParse(configuration)
  const issues = [...describeIssues(error?.issues ?? [], configuration), ...checkText(configuration)]
  const problems = [
    ...issues.map(({ path, value, reason }) => `  ${path}: ${value} ${reason}`),
    ...(config?.OnBuild?.length ? ['  it has OnBuild instructions, which are not run'] : []),
  ]
  if (problems.length === 0) return configuration
  throw new StillroomError(
    'REGISTRY_IMAGE_UNUSABLE',
    `cannot build on ${reference}: its config has what a Dockerfile could not repeat:\n${problems.join('\n')}`,
    { hint: 'make an image of it without that, and use this one as the base' },
  )
}

const orNull = (words: string[] | null | undefined) => (words?.length ? words : null)

function splitVariable(line: string): [name: string, value: string] {
  const equals = line.indexOf('=')
  return equals === -1 ? [line, ''] : [line.slice(0, equals), line.slice(equals + 1)]
}

/**
 * The ids and the home of an image's user, as an engine finds them: `USER` or `USER:GROUP`, each a name or a number;
 * nothing is root.
 *
 * @param passwd text of /etc/passwd, empty when there is none (passwd(5)); `group` of /etc/group
 * @throws {StillroomError} REGISTRY_IMAGE_UNUSABLE when a name is in neither, as containers of it would not start
 */
export function findUserAccount(user: string, passwd: string, group: string): LockedImageBase['account'] {
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
