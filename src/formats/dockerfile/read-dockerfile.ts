import { DockerfileParser, type Instruction as ParsedInstruction, type Run } from 'dockerfile-ast'
import { StillroomError } from '../../error.ts'
import { type Position, SourceFile, SourceText } from './source-text.ts'

/** A here-document of an instruction. */
export interface HereDocument {
  name: string
  /** Variables in it stay as they are. */
  quoted: boolean
  /** Its lines, without the tabs before them where it was written with `<<-`. */
  content: string
  /** Of its lines in the file. */
  length: number
}

export interface Instruction {
  /** In upper case: `RUN`; that of the trigger for an ONBUILD. */
  keyword: string
  at: Position
  flags: { name: string; value: string; at: Position }[]
  /** What follows the flags: continued lines joined, comment lines and here-documents left out. */
  body: SourceText
  /** Words of the JSON form; undefined in the shell form. */
  json: string[] | undefined
  heredocs: HereDocument[]
  /** The body with the here-documents behind it, as a shell gets it. */
  script: SourceText
  /** What the comment lines right before it, and those in it, say. */
  comments: string[]
  /** Whether it is the trigger of an ONBUILD. */
  isTrigger: boolean
}

/** Instructions of one file: each is looked at with all variables that were set before it. */
const MOST = 2000

export interface Dockerfile {
  escaping: string
  instructions: Instruction[]
  /** What the comment lines behind the last instruction say. */
  trailing: string[]
}

/**
 * Reads a Dockerfile (reference of version 1.7 of the frontend). Nothing is refused here: an instruction that is not known
 * has its keyword all the same.
 *
 * @throws {StillroomError} DOCKERFILE_UNREADABLE for more instructions than anybody writes
 */
export function readDockerfile(text: string): Dockerfile {
  // the frontend takes off a byte order mark; a line may end with a carriage return
  const file = new SourceFile(text.replace(/^\ufeff/, ' ').replace(/\r(?=\n)/g, ' '))
  // by itself it ends none, but for the parser
  const parsed = DockerfileParser.parse(file.text.replaceAll('\r', ' '))
  const escaping = parsed.getEscapeCharacter()
  const offset = ({ line, character }: { line: number; character: number }) =>
    (file.lineStarts[line] ?? 0) + character
  const comments = parsed.getComments().map((comment) => ({
    at: offset(comment.getRange().start),
    text: comment.getContent() ?? '',
  }))
  let last = -1
  const all = parsed.getInstructions()
  const [beyond] = all.slice(MOST)
  if (beyond !== undefined) {
    const { line, column } = file.positionAt(offset(beyond.getRange().start))
    throw new StillroomError(
      'DOCKERFILE_UNREADABLE',
      `line ${line}: there are more than ${MOST} instructions`,
      {
        hint: 'take out what repeats',
        details: { line, column },
      },
    )
  }
  const instructions = all.map((instruction): Instruction => {
    const { start, end } = instruction.getRange()
    const [from, to] = [offset(start), offset(end)]
    const own = comments.filter(({ at }) => at > last && at < to).map(({ text }) => text)
    last = to
    return { ...readInstruction(file, instruction, from, to, escaping, offset), comments: own }
  })
  return { escaping, instructions, trailing: comments.filter(({ at }) => at > last).map(({ text }) => text) }
}

function readInstruction(
  file: SourceFile,
  instruction: ParsedInstruction,
  from: number,
  to: number,
  escaping: string,
  offset: (position: { line: number; character: number }) => number,
): Omit<Instruction, 'comments'> {
  const documents = heredocsOf(file, instruction, from, to)
  const [first] = documents
  const bodyStart = first?.getContentRange()?.start
  const headEnd = first === undefined || !bodyStart ? to : Math.max(from, offset(bodyStart) - 1)
  const head = SourceText.of(file, logicalRanges(file.text, from, headEnd, escaping))
  const [, words = '', keyword = ''] = /^(\s*(?:ONBUILD\s+)*(\S*)\s*)/i.exec(head.text) ?? []
  const isTrigger = /^\s*ONBUILD\s/i.test(head.text)
  const { flags, end } = readFlags(head, words.length, escaping)
  const trimmed = head.text.trimEnd().length
  const body = head.slice(end, Math.max(end, trimmed))
  const ranges = [...logicalRanges(file.text, from, headEnd, escaping), [headEnd, to] as const]
  const whole = SourceText.of(file, ranges)
  return {
    keyword: keyword.toUpperCase(),
    at: file.positionAt(from),
    flags,
    body,
    json: readJson(body.text),
    heredocs: documents.map((document) => {
      const name = document.getName()
      const range = document.getContentRange()
      const operator = file.text.slice(
        offset(document.getStartRange().start),
        offset(document.getStartRange().end),
      )
      const after = document.getDelimiterRange()
      const lines = range
        ? file.text.slice(offset(range.start), after ? offset(after.start) : offset(range.end))
        : ''
      // tabs before the line that ends it are none of it
      const content = after ? lines.slice(0, lines.lastIndexOf('\n') + 1) : lines
      return {
        name,
        quoted: /['"]/.test(operator),
        content: operator.startsWith('<<-') ? content.replace(/^\t+/gm, '') : content,
        length: content.length,
      }
    }),
    script: documents.length === 0 ? body : whole.slice(end),
    isTrigger,
  }
}

/**
 * RUN, COPY and ADD have them; of an instruction of another class they are not to be had.
 *
 * @throws {StillroomError} DOCKERFILE_UNREADABLE where the parser cannot tell them from other lines
 */
function heredocsOf(file: SourceFile, instruction: ParsedInstruction, from: number, to: number) {
  const isKnown = ['RUN', 'COPY', 'ADD'].includes(instruction.getKeyword())
  if (!isKnown || !('getHeredocs' in instruction) || !file.text.slice(from, to).includes('<<')) return []
  try {
    return (instruction as unknown as Run).getHeredocs()
  } catch (cause) {
    const { line, column } = file.positionAt(from)
    throw new StillroomError(
      'DOCKERFILE_UNREADABLE',
      `line ${line}: its here-documents cannot be told apart`,
      {
        hint: 'write it without comments and empty lines between its parts',
        details: { line, column },
        cause,
      },
    )
  }
}

/**
 * What remains of continued lines: the escape character at a line's end goes with the white space behind it and the line
 * break, and so do comment lines and empty lines after it.
 */
function logicalRanges(file: string, from: number, to: number, escaping: string): [number, number][] {
  const ranges: [number, number][] = []
  const continued = escaping === '`' ? /`[ \t]*$/ : /\\[ \t]*$/
  let at = from
  while (at < to) {
    const next = file.indexOf('\n', at)
    const end = next === -1 || next > to ? to : next
    const line = file.slice(at, end)
    const isSkipped = at > from && /^\s*(#|$)/.test(line)
    if (!isSkipped) {
      const match = continued.exec(line)
      ranges.push([at, match ? at + match.index : end])
    }
    at = end + 1
  }
  return ranges
}

/** `--name=value` before the arguments; a value ends at white space that is neither quoted nor escaped. */
function readFlags(head: SourceText, from: number, escaping: string) {
  const flags: Instruction['flags'] = []
  const pattern = escaping === '`' ? FLAG_BACKTICK : FLAG
  let end = from
  for (;;) {
    pattern.lastIndex = end
    const match = pattern.exec(head.text)
    if (!match) return { flags, end }
    const [all, name = '', value = ''] = match
    flags.push({
      name: name.toLowerCase(),
      value: value.replace(/^(["'])(.*)\1$/s, '$2'),
      at: head.positionAt(end),
    })
    end += all.length
  }
}

const FLAG = /--([a-z][a-z-]*)(?:=((?:"[^"]*"|'[^']*'|\\.|[^\s"'\\])*))?(?:\s+|$)/iy
const FLAG_BACKTICK = /--([a-z][a-z-]*)(?:=((?:"[^"]*"|'[^']*'|`.|[^\s"'`])*))?(?:\s+|$)/iy

/** The JSON form is a list of strings, whatever else stands in brackets is the shell form. */
function readJson(text: string): string[] | undefined {
  if (!text.startsWith('[')) return undefined
  try {
    const value: unknown = JSON.parse(text)
    return Array.isArray(value) && value.every((word) => typeof word === 'string') ? value : undefined
  } catch {
    return undefined
  }
}
