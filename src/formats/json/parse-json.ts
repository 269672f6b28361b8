import type { z } from 'zod'
import { imageInvalid } from '../image-invalid.ts'
import { describeIssues, formatIssues } from './describe-issues.ts'

/** Objects in objects, deeper than any manifest or config: whoever writes them again must not run out of stack. */
const DEPTH_LIMIT = 64

/**
 * A document of an image as JSON (UTF-8, RFC 8259).
 *
 * @param json its bytes; undefined when they are too many, or do not look like JSON
 *
 * @throws {StillroomError} IMAGE_INVALID when it is none
 */
export function parseJson(json: Buffer | undefined, name: string): unknown {
  if (json === undefined) throw imageInvalid(`${name} is not JSON of a sensible size`)
  let data: unknown
  try {
    data = JSON.parse(new TextDecoder('utf-8', { fatal: true }).decode(json))
  } catch (cause) {
    throw imageInvalid(`${name} is not JSON`, cause)
  }
  if (isDeeper(data, DEPTH_LIMIT)) throw imageInvalid(`${name} has more than ${DEPTH_LIMIT} levels`)
  return data
}

/** @throws {StillroomError} IMAGE_INVALID naming each field that is wrong */
export function checkShape<T>(schema: z.ZodType<T>, data: unknown, name: string): T {
  const result = schema.safeParse(data)
  if (result.success) return result.data
  const issues = describeIssues(result.error.issues.slice(0, 20), data)
  throw imageInvalid(`${name} is not as the image specification has it:\n${formatIssues(issues)}`)
}

function isDeeper(data: unknown, limit: number): boolean {
  if (typeof data !== 'object' || data === null) return false
  return limit === 0 || Object.values(data).some((value) => isDeeper(value, limit - 1))
}
