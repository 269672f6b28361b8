import { StillroomError } from '../../error.ts'

const FACTORS: Record<string, number> = { '': 0, k: 1, m: 2, g: 3, t: 4 }

/**
 * How many bytes a size stands for, as `split` of coreutils reads it: `25MB` is 25,000,000, `25M` and `25MiB` are
 * 25 * 1024 * 1024.
 *
 * @throws {StillroomError} USAGE
 */
export function parseBytes(flag: string, text: string): number {
  const [, digits = '', letter = '', unit = ''] = /^(\d+)([kmgt]?)(i?b)?$/i.exec(text) ?? []
  const base = unit.toLowerCase() === 'b' && letter !== '' ? 1000 : 1024
  const bytes = Number(digits) * base ** (FACTORS[letter.toLowerCase()] as number)
  const isUnit = !/^i/i.test(unit) || letter !== ''
  if (digits !== '' && isUnit && bytes > 0 && Number.isSafeInteger(bytes)) return bytes
  throw new StillroomError('USAGE', `${flag} is not a size: expected one such as 25MB, actual "${text}"`, {
    hint: 'write a number and a unit: KB, MB, GB, or KiB, MiB, GiB',
  })
}
