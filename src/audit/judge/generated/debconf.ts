import type { FileTree } from '../../../image/file-tree.ts'
import { packageCertificates } from '../../expect/certificates.ts'
import { isPlain } from '../../expect/maintainer-scripts.ts'
import { commandsOf } from '../../expect/shell-commands.ts'
import { TOO_LARGE } from './generated-file.ts'
import { pamChoices } from './pam.ts'

const INFO = 'var/lib/dpkg/info'

/** A template of debconf's, by its fields in lower case; what follows a field's first line is in `extended_FIELD`. */
type Template = ReadonlyMap<string, string>

/** A package that asks questions with debconf. */
interface Asking {
  /** As dpkg names its files: `libc6:amd64`. */
  name: string
  templates: readonly Template[]
  /** Its scripts that ask. */
  scripts: string
}

/** Packages whose scripts load their templates into debconf's database, by their files in dpkg's. */
function askingPackages(tree: FileTree): Asking[] {
  const read = (file: string) => tree.read(`${INFO}/${file}`)?.toString('latin1') ?? ''
  return tree.list(INFO).flatMap((file) => {
    if (!file.endsWith('.templates')) return []
    const name = file.slice(0, -'.templates'.length)
    const scripts = ['config', 'preinst', 'postinst'].map((kind) => read(`${name}.${kind}`)).join('\n')
    return scripts.includes('confmodule') ? [{ name, templates: parseTemplates(read(file)), scripts }] : []
  })
}

/** Templates as debconf reads them from a package: debconf-devel(7), "THE TEMPLATES FILE". */
function parseTemplates(text: string): Template[] {
  return text.split(/\n\n+/).flatMap((stanza) => {
    const fields = new Map<string, string>()
    let field = ''
    let extended = ''
    const end = () => {
      if (extended !== '') fields.set(`extended_${field}`, extended.replace(/\n+$/, ''))
      extended = ''
    }
    const gap = (between: string) => (extended === '' || /[\n ]$/.test(extended) ? '' : between)
    for (const line of stanza.split('\n')) {
      const [, name, value] = /^([-_@.A-Za-z0-9]*):\s?(.*)/.exec(line) ?? []
      const bit = line.slice(1).replace(BLANKS, '')
      if (name !== undefined && value !== undefined) {
        end()
        field = name.toLowerCase()
        fields.set(field, value.replace(BLANKS, ''))
      } else if (/^\s\.$/.test(line)) extended += '\n\n'
      // what is indented further is not wrapped
      else if (/^\s\s/.test(line)) extended += `${gap('\n')}${bit}\n`
      else if (/^\s/.test(line)) extended += `${gap(' ')}${bit}`
    }
    end()
    return fields.has('template') ? [fields] : []
  })
}

/** Not those of Latin-1, whose bytes are parts of UTF-8. */
const BLANKS = /[ \t\r\f\v]+$/

const nameOf = (template: Template) => template.get('template') ?? ''

/** `templates.dat` as debconf writes it: the templates of packages by name, their fields in the order of their bytes. */
export function templatesText(tree: FileTree): string {
  const templates = askingPackages(tree).flatMap((each) => each.templates)
  const byName = new Map(templates.map((template) => [nameOf(template), template]))
  return [...byName]
    .sort(inOrder)
    .map(([name, template]) => {
      const fields = [...template].filter(([field]) => field !== 'template')
      const lines = fields
        .map(([field, value]) => [`${field.charAt(0).toUpperCase()}${field.slice(1)}`, value] as const)
        .sort(inOrder)
        .map(([field, value]) => `${field}: ${value.replaceAll('\\', '\\\\').replaceAll('\n', '\\n')}\n`)
      return `Name: ${name}\n${lines.join('')}Owners: ${name}\n\n`
    })
    .join('')
}

const inOrder = ([a]: readonly [string, unknown], [b]: readonly [string, unknown]) => (a < b ? -1 : 1)

/** A question in `config.dat`. */
interface Question {
  name: string
  template: string
  owners: string[]
  value?: string
  variables: [name: string, value: string][]
}

/**
 * What is wrong with `config.dat`. It must have a question for each template of the packages, of these packages; with no
 * answer, its default, one that a script gives in words, or one that is computed from what packages bring.
 */
export function configProblem(text: string | undefined, tree: FileTree): string | undefined {
  if (text === undefined) return TOO_LARGE
  const packages = askingPackages(tree)
  const missing = new Set(packages.flatMap(({ templates }) => templates.map(nameOf)))
  const computed = computedAnswers(tree)
  let last = ''
  for (const record of text.split('\n\n').slice(0, -1)) {
    const question = parseQuestion(record)
    if (question === undefined) return `no question of debconf's is written so: ${quote(record)}`
    const problem = questionProblem(question, packages, computed)
    if (problem !== undefined) return `question ${quote(question.name)}: ${problem}`
    if (question.name <= last) return `question ${quote(question.name)} is not in its place`
    last = question.name
    missing.delete(question.name)
  }
  if (!/(^|\n\n)$/.test(text)) return 'it is cut short'
  const [first] = missing
  return first === undefined ? undefined : `it lacks the question ${quote(first)}`
}

const quote = (text: string) => JSON.stringify(text.slice(0, 120))

const QUESTION =
  /^Name: (.+)\nTemplate: (.+)\n(?:Value: (.*)\n)?Owners: (.+)(?:\nFlags: seen)?(?:\nVariables:((?:\n .*)+))?$/

function parseQuestion(record: string): Question | undefined {
  const [, name, template, value, owners, variables = ''] = QUESTION.exec(record) ?? []
  if (name === undefined || template === undefined || owners === undefined) return undefined
  return {
    name,
    template,
    owners: owners.split(', '),
    ...(value === undefined ? {} : { value }),
    variables: variables
      .split('\n')
      .slice(1)
      .map((line) => {
        const [key = '', ...rest] = line.slice(1).split(' = ')
        return [key, rest.join(' = ')]
      }),
  }
}

function questionProblem(
  { name, template, owners, value, variables }: Question,
  packages: readonly Asking[],
  computed: ReadonlyMap<string, ReadonlySet<string>>,
): string | undefined {
  const asking = packages.filter(({ templates }) => templates.some((each) => nameOf(each) === template))
  const [found] = asking.flatMap(({ templates }) => templates.filter((each) => nameOf(each) === template))
  if (found === undefined) return `no package has its template, ${quote(template)}`
  const names = new Set(asking.flatMap((each) => [each.name, each.name.replace(/:.*/, '')]))
  const stranger = owners.find((owner) => !names.has(owner))
  if (stranger !== undefined) return `it is not one of ${quote(stranger)}`
  const scripts = asking.map((each) => each.scripts).join('\n')
  if (name !== template && !scripts.includes(name)) return `no script asks it`
  const isKnown = (text: string) => computed.get(name)?.has(text) ?? false
  const wrong = variables.find(([key, text]) => {
    return text !== '' && !isKnown(text) && !saysCommand(scripts, 'db_subst', [name, key, text])
  })
  if (wrong !== undefined) return `no package gives ${quote(wrong[0])} the value ${quote(wrong[1])}`
  const standard = found.get('default')
  if (value === undefined || value === standard || isKnown(value)) return undefined
  if (saysCommand(scripts, 'db_set', [name, value])) return undefined
  // scripts choose among words of theirs where the template has no answer of its own
  if (standard === undefined && isPlain(value) && hasWord(scripts, value)) return undefined
  return `no package answers ${quote(value)}`
}

/** Answers and variables that scripts compute of what packages bring, by question. */
function computedAnswers(tree: FileTree): Map<string, Set<string>> {
  const { names, titles, enabled } = pamChoices(tree)
  return new Map([
    ['ca-certificates/enable_crts', new Set([packageCertificates(tree).join(', ')])],
    ['libpam-runtime/profiles', new Set([names, titles, enabled].map((list) => list.join(', ')))],
  ])
}

const saysCommand = (scripts: string, program: string, words: readonly string[]) =>
  commandsOf(scripts).some(
    ([first, ...rest]) => first === program && words.every((word, index) => rest[index] === word),
  )

const hasWord = (scripts: string, word: string) =>
  scripts.split(/[^\w@%+=:,./-]+|=(?=\w)/).some((each) => each === word)
