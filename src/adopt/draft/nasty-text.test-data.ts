import fc from 'fast-check'

/** Strings that mean something to a shell, a Dockerfile, JavaScript or a terminal. */
export const nastyText = fc.oneof(
  fc.string({ unit: 'binary', maxLength: 12 }),
  fc
    .array(
      fc.constantFrom(
        '`',
        '${',
        '}',
        "'",
        '"',
        '\\',
        '*/',
        '//',
        '\n',
        '\r',
        '\u2028',
        '\u2029',
        '\u202e',
        '\ud800',
        '\0',
        ')',
        '])',
        ',',
        "')",
        '`)',
        'a',
        ' ',
        '$',
        '</script>',
        '__proto__',
      ),
      { maxLength: 8 },
    )
    .map((parts) => parts.join('')),
)
