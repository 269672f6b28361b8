import { parseControl, type Stanza } from '../../../formats/deb/deb822.ts'
import type { LockedContext } from '../judge-context.ts'
import { alternativeLinks } from './alternatives.ts'
import { firstWrong, type GeneratedFile, TOO_LARGE } from './generated-file.ts'

/** dpkg's record of what is installed must say of each package what its .deb says. */
export function statusProblem({ text }: GeneratedFile, { lock }: LockedContext): string | undefined {
  if (text === undefined) return TOO_LARGE
  const controls = new Map<string, Stanza>()
  for (const { control } of lock.contents.artifacts.values()) {
    const [fields] = parseControl(control?.['control']?.text ?? '', { dialect: 'dpkg' })
    if (fields !== undefined) controls.set(key(fields), fields)
  }
  for (const fields of parseControl(text, { dialect: 'dpkg' })) {
    const expected = controls.get(key(fields))
    // another version or package is a finding of its own
    if (expected === undefined) continue
    if (fields.get('status') !== 'install ok installed')
      return `its status of ${fields.get('package')} is ${JSON.stringify(fields.get('status'))}`
    for (const [name, value] of expected)
      if (fields.get(name) !== value)
        return `its ${asWritten(name)} of ${fields.get('package')} is not that of the package`
    for (const name of fields.keys())
      if (name !== 'status' && name !== 'conffiles' && !expected.has(name))
        return name === ''
          ? `it has lines of ${fields.get('package')} that are not a field, or not its first`
          : `it has a field ${asWritten(name)} of ${fields.get('package')}, which the package does not have`
  }
  return undefined
}

/** A field's name as packages write it: `Multi-Arch`. */
const asWritten = (name: string) => name.replaceAll(/(?:^|-)[a-z]/g, (letter) => letter.toUpperCase())

const key = (fields: Stanza) =>
  `${fields.get('package')} ${fields.get('version')} ${fields.get('architecture')}`

/** An alternative must be one that packages brought: its links and choices are files or links of theirs. */
export function alternativeProblem(
  { text }: GeneratedFile,
  { expected, image }: LockedContext,
): string | undefined {
  const [mode = '', ...lines] = (text ?? '').split('\n')
  if (mode !== 'auto') return `it is set to ${JSON.stringify(mode.slice(0, 20))}, expected "auto"`
  const separator = lines.indexOf('')
  const choices = lines.slice(separator + 1).filter((line) => line.startsWith('/'))
  const links = alternativeLinks(image.tree)
  const stray = choices.find((path) => {
    const place = expected.place(path.slice(1))
    return expected.at(place).length === 0 && !links.has(place)
  })
  // compressed pages that a package left out are choices all the same
  return stray === undefined || /\.gz$/.test(stray) ? undefined : `its choice ${stray} is of no package`
}

/** Packages that dpkg's triggers name are installed ones. */
export function triggersProblem({ text }: GeneratedFile, { debs }: LockedContext): string | undefined {
  return firstWrong(text, (line) => debs.has((line.split(' ').at(-1) ?? '').replace(/[:/].*$/, '')))
}

export function diversionsProblem({ text }: GeneratedFile, { debs }: LockedContext): string | undefined {
  const lines = (text ?? '').split('\n')
  const owners = lines.filter((_, index) => index % 3 === 2)
  const stray = owners.find((name) => !debs.has(name))
  return stray === undefined ? undefined : `it names ${JSON.stringify(stray)}, which is not a locked package`
}

export function extendedStatesProblem({ text }: GeneratedFile, { debs }: LockedContext): string | undefined {
  const stanzas = [...parseControl(text ?? '', { dialect: 'dpkg' })]
  const stray = stanzas.find((fields) => !debs.has(fields.get('package') ?? ''))
  return stray === undefined ? undefined : `it names ${stray.get('package')}, which is not a locked package`
}
