import fc from 'fast-check'
import { anyText } from '../../test/support/any-text.ts'
import { Recipe, type RecipeInput } from '../recipe/schema.ts'

/** Pieces that mean something to a shell, a Dockerfile, JSON, or a line-based file. */
const PIECES = [
  ...[
    '$HOME',
    '${X:-y}',
    '${X',
    '$(id)',
    '$$',
    '`id`',
    '"',
    "'",
    '\\',
    '\\\\',
    '\\"',
    "\\'",
    '\\n',
    '\\u0041',
    '\\$',
  ],
  ...[
    '#',
    '# x',
    '<<EOF',
    '<<-"EOF"',
    '--from=base',
    '--mount=type=bind',
    '&&',
    '|',
    ';',
    '>',
    '*',
    '?',
    '~',
    '!',
  ],
  ...[
    '[',
    ']',
    '["a"]',
    '{"a": 1}',
    ',',
    '=',
    ':',
    '%',
    '%s',
    ' ',
    '  ',
    ' \\',
    'é',
    '\u00a0',
    '\u{1f4a7}',
    '\ufeff',
  ],
  ...['a', 'b', '-', '-n', '.', '..x', 'RUN', 'FROM scratch', '\u0301'],
]

/** Any text on one line: what the recipe schema admits, nasty more often than not. */
export const nastyText: fc.Arbitrary<string> = fc
  .oneof(
    {
      weight: 3,
      arbitrary: fc.array(fc.constantFrom(...PIECES), { maxLength: 6 }).map((parts) => parts.join('')),
    },
    { weight: 1, arbitrary: anyText({ maxLength: 12 }) },
  )
  .filter((text) => !/[\p{Cc}\u2028\u2029\u202a-\u202e\u2066-\u2069]/u.test(text))

const word = nastyText.filter((text) => text !== '')
/** A key that a label may have. */
export const nastyLabelKey: fc.Arbitrary<string> = word
  .map((text) => text.replaceAll('=', '\\'))
  .filter((key) => key !== '__proto__')

const pathPart = word
  .map((text) => text.replaceAll('/', ''))
  .filter((text) => !['', '.', '..'].includes(text))

/** An absolute path of one to three nasty parts. */
export const nastyPath: fc.Arbitrary<string> = fc
  .array(pathPart, { minLength: 1, maxLength: 3 })
  .map((parts) => `/${parts.join('/')}`)

const words = fc.tuple(word, fc.array(nastyText, { maxLength: 4 })).map(([first, rest]) => [first, ...rest])

/** A recipe in which every string that may be free is nasty. */
export const nastyRecipe: fc.Arbitrary<Recipe> = fc
  .record<RecipeInput>({
    base: fc.constant({ kind: 'debian' as const, suite: 'bookworm' as const }),
    description: nastyText,
    steps: fc.tuple(
      words.map((command) => ({ kind: 'run' as const, command })),
      fc.tuple(nastyText, nastyText).map(([a, b]) => ({ kind: 'run' as const, command: `${a}\n${b}\\\n` })),
      fc
        .tuple(nastyPath, nastyPath)
        .map(([path, to]) => ({ kind: 'project' as const, path: path.slice(1), to })),
    ),
    env: fc.dictionary(fc.stringMatching(/^[A-Z_][A-Z0-9_]{0,5}$/), nastyText, { maxKeys: 4 }),
    user: fc.record({
      name: fc.constant('fenics'),
      uid: fc.constant(1000),
      home: nastyPath.map((path) => path.replaceAll(':', ';')),
      shell: nastyPath.map((path) => path.replaceAll(':', ';')),
    }),
    workdir: nastyPath,
    shared: nastyPath,
    volumes: fc.uniqueArray(nastyPath, { maxLength: 3 }),
    entrypoint: fc.array(nastyText, { maxLength: 4 }),
    cmd: fc.array(nastyText, { maxLength: 4 }),
    labels: fc
      .array(fc.tuple(nastyLabelKey, nastyText), { maxLength: 4 })
      .map((entries) => Object.fromEntries(entries)),
  })
  .map((recipe) => Recipe.parse(recipe))
