import { createHash } from 'node:crypto'
import { parseControl, type Stanza } from '../../../formats/deb/deb822.ts'
import type { FileTree } from '../../../image/file-tree.ts'
import { baseOf, parentOf } from '../../../inventory/tree-paths.ts'
import { alternativeFile, alternativeLinks } from '../../expect/alternatives.ts'
import type { ExpectedFiles } from '../../expect/expected-files.ts'
import type { ScriptEffects } from '../../expect/script-effects.ts'
import { triggerFiles } from '../../expect/trigger-files.ts'
import type { LockSubject } from '../../subject.ts'
import { isForeign, type LockedContext } from '../judge-context.ts'
import { type GeneratedFile, linesProblem, TOO_LARGE } from './generated-file.ts'

/** dpkg's record of what is installed must say of each package what its .deb says. */
export function statusProblem(
  { text }: GeneratedFile,
  { lock, image, expected: files }: LockedContext,
): string | undefined {
  if (text === undefined) return TOO_LARGE
  const controls = new Map<string, Stanza>()
  for (const { control } of lock.contents.artifacts.values()) {
    const [fields] = parseControl(control?.['control']?.text ?? '', { dialect: 'dpkg' })
    if (fields !== undefined) controls.set(key(fields), fields)
  }
  for (const fields of parseControl(text, { dialect: 'dpkg' })) {
    const expected = controls.get(key(fields))
    // another version or package is a finding of its own
    if (expected === undefined && fields.get('package')) continue
    if (expected === undefined) return 'it has lines that are of no package'
    if (fields.get('status') !== 'install ok installed')
      return `its status of ${fields.get('package')} is ${JSON.stringify(fields.get('status'))}`
    for (const [name, value] of expected)
      if (fields.get(name) !== value)
        return `its ${asWritten(name)} of ${fields.get('package')} is not that of the package`
    const conffiles = fields.get('conffiles')
    const wrong = conffiles?.split('\n').find((line) => !isOfConffile(line, image.tree, files))
    if (wrong !== undefined)
      return `its digest of a configuration file of ${fields.get('package')} is another: ${JSON.stringify(wrong.trim())}`
    for (const name of fields.keys())
      if (name !== 'status' && name !== 'conffiles' && !expected.has(name))
        return name === ''
          ? `it has lines of ${fields.get('package')} that are not a field, or not its first`
          : `it has a field ${asWritten(name)} of ${fields.get('package')}, which the package does not have`
  }
  return undefined
}

/** A configuration file that is as its package has it has the md5 that dpkg noted. */
function isOfConffile(line: string, tree: FileTree, expected: ExpectedFiles): boolean {
  const [, path = '', md5, flags = ''] =
    /^ ?(\/\S+) ([0-9a-f]{32}|newconffile)((?: obsolete| remove-on-upgrade)*)$/.exec(line) ?? []
  if (md5 === undefined) return line.trim() === ''
  const found = tree.find(path)
  const isOwn = expected.at(found?.path ?? '').some(({ digest }) => digest?.value === found?.inode.sha256)
  // one that a package only wants removed was never there, or is of another package, which took it over
  if (md5 === 'newconffile')
    return (
      flags.includes('remove-on-upgrade') &&
      (found === undefined || (found.inode.sha256 !== undefined && isOwn))
    )
  const content = found?.inode.content
  return (
    flags !== '' || !isOwn || content === undefined || createHash('md5').update(content).digest('hex') === md5
  )
}

/** A field's name as packages write it: `Multi-Arch`. */
const asWritten = (name: string) => name.replaceAll(/(?:^|-)[a-z]/g, (letter) => letter.toUpperCase())

const key = (fields: Stanza) =>
  `${fields.get('package')} ${fields.get('version')} ${fields.get('architecture')}`

/** An alternative must be one that packages brought: what their calls of update-alternatives make, as far as these are plain. */
export function alternativeProblem(
  { path, inode, text }: GeneratedFile,
  { expected, image, lock }: LockedContext,
): string | undefined {
  const { effects } = expected
  const calls = effects.alternatives.get(path.slice(path.lastIndexOf('/') + 1))
  if (calls !== undefined && text === alternativeFile(calls.filter((call) => image.tree.find(call.path))))
    return undefined
  const [mode = '', ...lines] = (text ?? '').split('\n')
  if (mode !== 'auto') return `it is set to ${JSON.stringify(mode.slice(0, 20))}, expected "auto"`
  if (isForeign(inode, lock) && !effects.hasOtherAlternatives)
    return calls === undefined
      ? 'no package makes such an alternative'
      : 'its choices are not those that packages give it'
  const separator = lines.indexOf('')
  const choices = lines.slice(separator + 1).filter((line) => line.startsWith('/'))
  const links = alternativeLinks(image.tree)
  const stray = choices.find((choice) => {
    const place = expected.place(choice.slice(1))
    return expected.at(place).length === 0 && !links.has(place)
  })
  // compressed pages that a package left out are choices all the same
  return stray === undefined || /\.gz$/.test(stray) ? undefined : `its choice ${stray} is of no package`
}

/** Each line is one that a package's own list of triggers asks for, and none is missing. */
export function triggersProblem({ path, text }: GeneratedFile, { image }: LockedContext): string | undefined {
  const expected = triggerFiles(image.tree).get(path.slice(path.lastIndexOf('/') + 1)) ?? new Set()
  return linesProblem(text, expected)
}

/** Three lines each: a path, where it lies instead, and the package whose script says so. */
export function diversionsProblem(
  { text, inode }: GeneratedFile,
  { debs, expected, lock }: LockedContext,
): string | undefined {
  const lines = (text ?? '').split('\n')
  if (lines.pop() !== '' || lines.length % 3 !== 0) return 'it does not have three lines a diversion'
  for (let at = 0; at < lines.length; at += 3) {
    const [from = '', to = '', by = ''] = lines.slice(at, at + 3)
    if (!debs.has(by)) return `it names ${JSON.stringify(by)}, which is not a locked package`
    if (isForeign(inode, lock) && !isDiverted(from, to, by, expected.effects))
      return `no script of ${by} diverts ${from} to ${to}`
  }
  return undefined
}

/** A package's script that diverts a path names it, or composes it of its directory and name. */
function isDiverted(from: string, to: string, by: string, effects: ScriptEffects): boolean {
  const isNamed = (path: string) => effects.says(by, path) || effects.says(by, baseOf(path))
  return (
    effects.says(by, 'dpkg-divert') &&
    isNamed(from) &&
    (to.startsWith(`${from}.`) || isNamed(to) || parentOf(to) === parentOf(from))
  )
}

/** Every package that no step asked for by name was installed because another needs it. */
export function extendedStatesProblem(
  { text, inode }: GeneratedFile,
  { debs, lock }: LockedContext,
): string | undefined {
  const stanzas = [...parseControl(text ?? '', { dialect: 'dpkg' })]
  const stray = stanzas.find((fields) => !debs.has(fields.get('package') ?? ''))
  if (stray !== undefined) return `it names ${stray.get('package')}, which is not a locked package`
  if (!isForeign(inode, lock)) return undefined
  const odd = stanzas.find(
    (fields) =>
      [...fields.keys()].join() !== 'package,architecture,auto-installed' ||
      fields.get('auto-installed') !== '1',
  )
  if (odd !== undefined) return `it says more of ${odd.get('package')} than that it was installed for another`
  const names = new Set(stanzas.map((fields) => fields.get('package') ?? ''))
  const expected = automaticPackages(lock)
  const wrong =
    [...expected].find((name) => !names.has(name)) ?? [...names].find((name) => !expected.has(name))
  return wrong === undefined ? undefined : `it is wrong about ${wrong}`
}

function automaticPackages({ locked, recipe }: LockSubject): Set<string> {
  const found = new Set<string>()
  for (const [index, step] of locked.steps.entries()) {
    const own = recipe.steps[index]
    if (step.kind !== 'apt' || own?.kind !== 'apt') continue
    const asked = new Set(own.packages.map((name) => name.replace(/[=/:].*$/, '')))
    for (const { name } of step.packages) if (!asked.has(name)) found.add(name)
    for (const name of asked) found.delete(name)
  }
  return found
}
