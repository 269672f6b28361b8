import { StillroomError } from '../../error.ts'
import { PublishedImage } from '../../lock/schema.ts'

/**
 * A name in a registry as a user gives it: `[docker://]REGISTRY/NAME[:TAG]`.
 *
 * @returns with its tag, "latest" when there is none
 * @throws {StillroomError} USAGE when it is none, or has a digest
 */
export function requireTagged(where: string): string {
  const text = where.replace(/^docker:\/\//, '')
  const withTag = /:[^/:@]+$/.test(text) ? text : `${text}:latest`
  if (PublishedImage.shape.reference.safeParse(withTag).success) return withTag
  throw new StillroomError(
    'USAGE',
    `cannot publish as ${JSON.stringify(where)}: expected a name in a registry, with a tag if there is to be one, and no digest`,
    { hint: 'such as registry.example.org/team/name:1' },
  )
}
