import type { z } from 'zod'
import { imageInvalid } from '../image-invalid.ts'
import { describeIssues, formatIssues } from './describe-issues.ts'
import { findOddKey, findRepeatedKey } from './go-keys.ts'

/** Objects in objects, deeper than any manifest or config: whoever writes them again must not run out of stack. */
const DEPTH_LIMIT = 64

/**
 * A document of an image as JSON (UTF-8, RFC 8259).
 *
 * @param json its bytes; undefined when they are too many, or do not look like JSON
 *
 * @throws {StillroomError} IMAGE_INVALID when it is none, or engines, which read it with Go's encoding/json, would read
 *   something else
 */
export function parseJson(json: Buffer | undefined, name: string): unknown {
  if (json === undefined) throw imageInvalid(`${name} is not JSON of a sensible size`)
  let data: unknown
  let text: string
  try {
    text = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(json)
    data = JSON.parse(text)
  } catch (cause) {
    throw imageInvalid(`${name} is not JSON`, cause)
  }
  if (isDeeper(data, DEPTH_LIMIT)) throw imageInvalid(`${name} has more than ${DEPTH_LIMIT} levels`)
  const repeated = findRepeatedKey(text)
  if (repeated !== undefined) throw imageInvalid(`${name} has the key ${JSON.stringify(repeated)} twice`)
  // Go puts the replacement character there
  if (LONE_SURROGATE.test(text) && !isWellFormed(data))
    throw imageInvalid(`${name} has half a surrogate pair in a string`)
  return data
}

const LONE_SURROGATE = /\\u[dD][89a-fA-F]/

function isWellFormed(data: unknown): boolean {
  if (typeof data === 'string') return data.isWellFormed()
  if (typeof data !== 'object' || data === null) return true
  return Object.entries(data).every(([key, value]) => key.isWellFormed() && isWellFormed(value))
}

/**
 * @param schema has every key that engines know of such a document
 * @throws {StillroomError} IMAGE_INVALID naming each field that is wrong, or a key that engines take for another
 */
export function checkShape<T>(schema: z.ZodType<T>, data: unknown, name: string): T {
  const odd = findOddKey(schema, data)
  if (odd !== undefined)
    throw imageInvalid(
      `${name} has the key ${JSON.stringify(odd)}, which engines take for one that is written otherwise`,
    )
  const result = schema.safeParse(data)
  if (result.success) return result.data
  const issues = describeIssues(result.error.issues.slice(0, 20), data)
  throw imageInvalid(`${name} is not as the image specification has it:\n${formatIssues(issues)}`)
}

function isDeeper(data: unknown, limit: number): boolean {
  if (typeof data !== 'object' || data === null) return false
  return limit === 0 || Object.values(data).some((value) => isDeeper(value, limit - 1))
}
