import type { CauseId } from './cause.ts'

/** Something in a text that varies from build to build and can be recognised by its shape. */
export interface TextShape {
  cause: CauseId
  /** What it is, for the evidence. */
  what: string
  pattern: RegExp
  /** Whether a report may quote what was found. */
  quotable: boolean
}

const MONTH = '(?:Jan|Feb|Mar|Apr|May|Jun|Jul|Aug|Sep|Oct|Nov|Dec)[a-z]*'
const DAY = '(?:Mon|Tue|Wed|Thu|Fri|Sat|Sun)[a-z]*'
const CLOCK = '\\d{1,2}:\\d\\d(?::\\d\\d(?:[.,]\\d+)?)?'
const ZONE = '(?: ?(?:Z|UTC|GMT|[A-Z]{3,4}|[+-]\\d\\d:?\\d\\d))?'

/** In the order in which they are looked for: a UUID has hex digits, a date has numbers. */
export const TEXT_SHAPES: readonly TextShape[] = [
  {
    cause: 'uuid',
    what: 'a UUID',
    pattern: /\b[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}\b/gi,
    quotable: true,
  },
  {
    cause: 'machine-identity',
    what: 'the identity of a machine',
    pattern: /\b(?:machine|host|boot)[-_ ]?(?:id|name)\b["']?\s*[:=]?\s*["']?[\w.-]+/gi,
    quotable: true,
  },
  {
    cause: 'temporary-file',
    what: 'the name of a temporary file',
    pattern: /\/(?:var\/)?tmp\/[^\s"'`:,;()<>]+|\btmp[._-]?[A-Za-z0-9_]{6,}\b/g,
    quotable: true,
  },
  {
    cause: 'timestamp',
    what: 'a date',
    pattern: new RegExp(
      [
        `\\b(?:${DAY},? )?\\d{1,2}[ -]${MONTH}[ -]\\d{2,4}(?:[ T,]+${CLOCK}${ZONE})?`,
        `\\b(?:${DAY},? +)?${MONTH} +\\d{1,2},?(?: +\\d{4})?(?:,? +${CLOCK}(?: ?[AP]M)?${ZONE}(?: \\d{4})?)?`,
        `\\b\\d{4}[-/.]\\d\\d[-/.]\\d\\d(?:[ T_]${CLOCK}${ZONE})?`,
        `\\b\\d\\d[/.]\\d\\d[/.]\\d{4}(?: +${CLOCK})?`,
        '\\b20\\d{6}(?:T?\\d{4,6}Z?)?\\b',
        `\\b${CLOCK}${ZONE}`,
        '\\b1[0-9]{9}(?:[.]\\d+|\\d{3}|\\d{6}|\\d{9})?\\b',
        '\\b\\d+(?:\\.\\d+)? ?(?:ns|us|ms|s|sec|secs|seconds?|minutes?)\\b',
      ].join('|'),
      'g',
    ),
    quotable: true,
  },
  {
    cause: 'cpu',
    what: 'a trait of the CPU',
    pattern:
      /\b(?:n?cpus?|cores?|n?proc(?:s|essors?)?|threads?|jobs|mhz|bogomips|stepping|microcode|model name|-?march|-?mtune|flags)\b[^\n]*/gi,
    quotable: true,
  },
  {
    cause: 'cpu',
    what: 'an instruction set',
    pattern: /\b(?:avx\d*\w*|sse\d?[\w.]*|ssse3|fma\d?|bmi[12]|amx\w*|x86-64-v[1-4])\b/gi,
    quotable: true,
  },
  {
    cause: 'other-version',
    what: 'a version',
    pattern: /\bversion["']?\s*[:=]?\s*["']?v?\d[\w.+~:-]*|\bv?\d+(?:\.\d+){2,}[\w.+~-]*/gi,
    quotable: true,
  },
  {
    cause: 'build-path',
    what: 'a directory',
    pattern: /(?<![\w.])(?:\/[\w.+@-]+){2,}/g,
    quotable: true,
  },
  {
    cause: 'random-id',
    what: 'hexadecimal digits',
    pattern: /\b(?:0x)?(?=[0-9a-f]*\d)[0-9a-f]{6,}\b/gi,
    quotable: false,
  },
  {
    cause: 'random-id',
    what: 'a random word',
    pattern: /(?=[\w+/-]*\d)(?=[\w+/-]*[A-Za-z])[\w+/-]{8,}={0,2}/g,
    quotable: false,
  },
  { cause: 'random-id', what: 'a number', pattern: /\b\d+(?:\.\d+)?(?:e[+-]?\d+)?\b/g, quotable: false },
]
