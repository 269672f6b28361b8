import fc from 'fast-check'

const SURROGATES = 0x800

/** Text of any characters: what `unit: 'binary'` of fast-check gives, without the second that it takes to be made. */
export const anyText = (options: { maxLength?: number } = {}): fc.Arbitrary<string> =>
  fc.string({
    ...options,
    unit: fc
      .integer({ min: 0, max: 0x10ffff - SURROGATES })
      .map((number) => String.fromCodePoint(number < 0xd800 ? number : number + SURROGATES)),
  })
