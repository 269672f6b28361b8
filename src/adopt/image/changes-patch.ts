import { createTwoFilesPatch } from 'diff'
import { showPath } from '../../audit/finding.ts'
import { secretOf } from './choose-carried.ts'

/** A file of a package or a clone, as it brings it and as the image has it. */
export interface ChangedFile {
  /** Below the root, bytes as latin1. */
  path: string
  before: Buffer
  after: Buffer
}

/**
 * What was changed in files that packages and clones bring, as a patch for people to read. What is no text is not in it, nor what
 * has held a credential.
 *
 * @returns an empty text when there is nothing to show
 */
export function changesPatch(files: readonly ChangedFile[]): string {
  return files
    .flatMap(({ path, before, after }) => {
      const [old, now] = [textOf(before), textOf(after)]
      if (old === undefined || now === undefined || secretOf(path, before) !== undefined) return []
      const name = showPath(path)
      return createTwoFilesPatch(`a${name}`, `b${name}`, old, now, '', '', { context: 3 })
    })
    .join('')
}

/** Nobody reads the changes of a longer file. */
const LONGEST = 1024 ** 2

/** Undefined for what is not UTF-8, is long, or has control characters that no text has. */
function textOf(content: Buffer): string | undefined {
  if (content.length > LONGEST) return undefined
  const text = content.toString('utf8')
  const isText = Buffer.from(text, 'utf8').equals(content) && !/\p{Cc}/u.test(text.replaceAll(/\s/g, ''))
  return isText ? text : undefined
}
