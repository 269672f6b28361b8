import type { ElfSection } from '../formats/elf.ts'
import type { NamedCause } from './cause.ts'
import { textCauses } from './explain-text.ts'
import { distinctCauses, type ElfDetail, type Explanation } from './explained-difference.ts'
import { onlyIn, printable, printableStrings } from './printable.ts'

/** Strings that a report shows of each side. */
export const STRINGS_SHOWN = 10

/** Explains what differs between two ELF objects: dates and paths compiled in, another compiler, other machine code. */
export function explainElf(a: readonly ElfSection[], b: readonly ElfSection[]): Explanation {
  const sections = compareSections(a, b)
  const strings = onlyIn(stringsOf(a), stringsOf(b))
  const changed = new Set(sections.map(({ name }) => name))
  const detail: ElfDetail = {
    kind: 'elf',
    sections,
    strings: { a: shown(strings.a), b: shown(strings.b) },
  }
  return { detail, causes: distinctCauses(elfCauses(a, b, strings, changed)) }
}

/** The first strings of a list, printable. */
export function shown(strings: readonly string[]): string[] {
  return strings.slice(0, STRINGS_SHOWN).map((text) => printable(text))
}

function elfCauses(
  a: readonly ElfSection[],
  b: readonly ElfSection[],
  strings: { a: string[]; b: string[] },
  changed: ReadonlySet<string>,
): NamedCause[] {
  if (changed.has('.comment')) {
    const compilers = [a, b].map((side) => {
      const comment = side.find(({ name }) => name === '.comment')
      return printable(comment === undefined ? '' : printableStrings(comment.content).join('; '), 60)
    })
    const evidence = `it comes from other compilers: "${compilers[0]}" and "${compilers[1]}"`
    return [{ cause: 'other-version', evidence }]
  }
  const byStrings = textCauses(strings.a.join('\n'), strings.b.join('\n'))
  const named = strings.a.length + strings.b.length === 0 ? [] : byStrings
  const known = named.filter(({ cause }) => !WEAK.has(cause))
  if (known.length > 0) return known.map(asCompiled)
  const code = [...a, ...b].find((section) => section.code && changed.has(section.name))
  if (code !== undefined)
    return [
      { cause: 'cpu', evidence: `the machine code in ${code.name} differs, and no date or path in it does` },
    ]
  return named
}

/** Bytes that happen to be printable look like these. */
const WEAK: ReadonlySet<string> = new Set(['random-id', 'hash-order', 'order', 'locale', 'unknown'])

function asCompiled({ cause, evidence }: NamedCause): NamedCause {
  return cause === 'timestamp'
    ? { cause: 'compiled-date', evidence: `${evidence}, compiled in` }
    : { cause, evidence: `${evidence}, compiled in` }
}

function compareSections(a: readonly ElfSection[], b: readonly ElfSection[]): ElfDetail['sections'] {
  const left = new Map(a.map((section) => [section.name, section]))
  const right = new Map(b.map((section) => [section.name, section]))
  const names = [...new Set([...left.keys(), ...right.keys()])]
  return names.flatMap((name): ElfDetail['sections'] => {
    const [x, y] = [left.get(name), right.get(name)]
    const section = (change: ElfDetail['sections'][number]['change']): ElfDetail['sections'] => [
      { name: printable(name), change, sizes: [x?.size ?? 0, y?.size ?? 0] },
    ]
    if (x === undefined) return section('added')
    if (y === undefined) return section('removed')
    return x.size === y.size && x.content.equals(y.content) ? [] : section('changed')
  })
}

/** Strings of all but machine code; names of symbols and sections come from the rest. */
function stringsOf(sections: readonly ElfSection[]): string[] {
  return sections
    .filter(({ code, name }) => !code && !/^\.(symtab|strtab|shstrtab|note\.gnu\.build-id)$/.test(name))
    .flatMap(({ content }) => printableStrings(content))
}
