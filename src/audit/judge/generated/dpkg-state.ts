import type { LockedContext } from '../judge-context.ts'
import { alternativeLinks } from './alternatives.ts'
import { firstWrong, type GeneratedFile, TOO_LARGE } from './generated-file.ts'

/** Stanzas of a control file: fields by name, continuation lines with their line breaks (deb-control(5)). */
export function parseStanzas(text: string): Map<string, string>[] {
  return text
    .split(/\n\n+/)
    .filter((stanza) => stanza.trim() !== '')
    .map((stanza) => {
      const fields = new Map<string, string>()
      let last = ''
      for (const line of stanza.split('\n')) {
        const [, name, value = ''] = /^([^\s:]+):\s*(.*)$/.exec(line) ?? []
        if (name !== undefined) {
          last = name
          fields.set(name, value)
        } else if (line !== '') fields.set(last, `${fields.get(last)}\n${line}`)
      }
      return fields
    })
}

/** dpkg's record of what is installed must say of each package what its .deb says. */
export function statusProblem({ text }: GeneratedFile, { lock }: LockedContext): string | undefined {
  if (text === undefined) return TOO_LARGE
  const controls = new Map<string, Map<string, string>>()
  for (const { control } of lock.contents.artifacts.values()) {
    const [fields] = parseStanzas(control?.['control']?.text ?? '')
    if (fields !== undefined) controls.set(key(fields), fields)
  }
  for (const fields of parseStanzas(text)) {
    const expected = controls.get(key(fields))
    // another version or package is a finding of its own
    if (expected === undefined) continue
    if (fields.get('Status') !== 'install ok installed')
      return `its status of ${fields.get('Package')} is ${JSON.stringify(fields.get('Status'))}`
    for (const [name, value] of expected)
      if (fields.get(name)?.trim() !== value.trim())
        return `its ${name} of ${fields.get('Package')} is not that of the package`
    for (const name of fields.keys())
      if (name !== 'Status' && name !== 'Conffiles' && !expected.has(name))
        return `it has a field ${name} of ${fields.get('Package')}, which the package has not`
  }
  return undefined
}

const key = (fields: Map<string, string>) =>
  `${fields.get('Package')} ${fields.get('Version')} ${fields.get('Architecture')}`

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
  return stray === undefined || /\.gz$/.test(stray) ? undefined : `no package has its choice ${stray}`
}

/** Packages that dpkg's triggers name are installed ones. */
export function triggersProblem({ text }: GeneratedFile, { debs }: LockedContext): string | undefined {
  return firstWrong(text, (line) => debs.has((line.split(' ').at(-1) ?? '').replace(/[:/].*$/, '')))
}

export function diversionsProblem({ text }: GeneratedFile, { debs }: LockedContext): string | undefined {
  const lines = (text ?? '').split('\n')
  const owners = lines.filter((_, index) => index % 3 === 2)
  const stray = owners.find((name) => !debs.has(name))
  return stray === undefined ? undefined : `it names ${JSON.stringify(stray)}, which is no locked package`
}

export function extendedStatesProblem({ text }: GeneratedFile, { debs }: LockedContext): string | undefined {
  const stray = parseStanzas(text ?? '').find((fields) => !debs.has(fields.get('Package') ?? ''))
  return stray === undefined ? undefined : `it names ${stray.get('Package')}, which is no locked package`
}
