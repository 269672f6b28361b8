import type { DraftEntry, RecipeDraft, StepDraft } from './recipe-draft.ts'

/** As the formatter of this repository has it. */
const WIDTH = 110

/** A piece of source: text, a list, an object, or a call. */
type Code =
  | string
  | { open: string; close: string; items: { comments: readonly string[]; code: Code }[]; spaced: boolean }
  | { call: string; args: Code[] }

const plain = (code: Code) => ({ comments: [], code })
const list = (codes: readonly Code[]): Code => ({
  open: '[',
  close: ']',
  items: codes.map(plain),
  spaced: false,
})
const strings = (values: readonly string[]) => list(values.map(quote))

/** An object without the fields that have no code. */
function object(fields: readonly (readonly [string, Code | undefined])[]): Code {
  const items = fields.flatMap(([key, code]) => {
    if (code === undefined) return []
    const name = /^[A-Za-z_$][\w$]*$/.test(key) ? key : quote(key)
    return [plain({ call: `${name}: `, args: [code] })]
  })
  return { open: '{', close: '}', items, spaced: true }
}

/** The text of a recipe.ts. Whatever its strings hold, it is the recipe that the draft says. */
export function writeRecipe(draft: RecipeDraft): string {
  const { base, entries } = draft
  const calls = new Set(entries.flatMap(({ step }) => (step === undefined ? [] : functionsOf(step))))
  const imports = ['defineRecipe', base.kind, ...calls].sort()
  const steps: Code = { open: '[', close: ']', items: [], spaced: false }
  for (const entry of entries)
    steps.items.push({ comments: entry.comments, code: entry.step ? stepCode(entry) : '' })
  if (draft.trailing.length > 0) steps.items.push({ comments: draft.trailing, code: '' })
  const record = (values: Record<string, string>) =>
    Object.keys(values).length === 0
      ? undefined
      : object(Object.entries(values).map(([key, value]) => [key, quote(value)]))
  const { user, tasks } = draft
  const recipe: [string, Code | undefined][] = [
    ['base', baseCode(base)],
    ['steps', steps.items.length > 0 ? steps : undefined],
    [
      'user',
      user &&
        object([
          ['name', quote(user.name)],
          ['uid', String(user.uid)],
          ['home', quote(user.home)],
          ['shell', user.shell === '/bin/bash' ? undefined : quote(user.shell)],
        ]),
    ],
    ['workdir', draft.workdir === undefined ? undefined : quote(draft.workdir)],
    ['env', record(draft.env)],
    ['entrypoint', draft.entrypoint && strings(draft.entrypoint)],
    ['cmd', draft.cmd && strings(draft.cmd)],
    ['labels', record(draft.labels)],
    ['expose', draft.expose.length > 0 ? strings(draft.expose) : undefined],
    ['volumes', draft.volumes.length > 0 ? strings(draft.volumes) : undefined],
    ['layout', draft.layout && quote(draft.layout)],
    [
      'tasks',
      Object.keys(tasks).length === 0
        ? undefined
        : object(
            Object.entries(tasks).map(([name, { description, command }]) => [
              name,
              object([
                ['description', quote(description)],
                ['command', strings(command)],
              ]),
            ]),
          ),
    ],
  ]
  const body = recipe.flatMap(([key, code]) =>
    code === undefined ? [] : [`  ${key}: ${print(code, 2, key.length + 4)},\n`],
  )
  return (
    draft.comments.map((text) => `${comment(text)}\n`).join('') +
    `import { ${imports.join(', ')} } from 'stillroom'\n\nexport default defineRecipe({\n${body.join('')}})\n`
  )
}

function baseCode(base: RecipeDraft['base']): Code {
  if (base.kind === 'image') return { call: 'image', args: [quote(base.reference)] }
  const { suite, components } = base
  const options = components === undefined ? [] : [object([['components', strings(components)]])]
  return { call: 'debian', args: [quote(suite), ...options] }
}

/** Which of stillroom's functions a step is written with. */
function functionsOf(step: StepDraft): string[] {
  const hasFiles = step.kind === 'pip' && step.files.length + step.constraintFiles.length > 0
  if (hasFiles) return ['pip', 'requirementsFile']
  return step.kind === 'copy' ? ['copy', 'recipe'] : [step.kind]
}

function stepCode({ step }: DraftEntry): Code {
  if (step === undefined) return ''
  const call = (...args: (Code | undefined)[]): Code => ({
    call: step.kind,
    args: args.filter(
      (arg) =>
        arg !== undefined &&
        !(typeof arg === 'object' && 'items' in arg && arg.open === '{' && arg.items.length === 0),
    ) as Code[],
  })
  switch (step.kind) {
    case 'apt':
      return call(strings(step.packages), object([['recommends', step.recommends ? 'true' : undefined]]))
    case 'pip': {
      const file = (path: string): Code => ({ call: 'requirementsFile', args: [quote(path)] })
      const constraints = [...step.constraintFiles.map(file), ...step.constraints.map(quote)]
      const sdists = Object.fromEntries(
        Object.entries(step.sdists ?? {}).map(([name, needs]) => [name, strings(needs)]),
      )
      const local = step.local.map(({ path, editable, extras }) =>
        object([
          ['path', quote(path)],
          ['editable', editable ? 'true' : undefined],
          ['extras', extras.length > 0 ? strings(extras) : undefined],
        ]),
      )
      return call(
        list([...step.requirements.map(quote), ...step.files.map(file)]),
        object([
          ['constraints', constraints.length > 0 ? list(constraints) : undefined],
          ['index', step.index === undefined ? undefined : quote(step.index)],
          ['local', local.length > 0 ? list(local) : undefined],
          ['sdists', Object.keys(sdists).length > 0 ? object(Object.entries(sdists)) : undefined],
        ]),
      )
    }
    case 'git':
      return call(
        quote(step.url),
        object([
          ['ref', quote(step.ref)],
          ['to', quote(step.to)],
          ['submodules', step.submodules ? 'true' : undefined],
          ['lfs', step.lfs ? 'true' : undefined],
        ]),
      )
    case 'file':
      return call(
        quote(step.url),
        object([
          ['to', quote(step.to)],
          ['sha256', step.sha256 === undefined ? undefined : quote(step.sha256)],
          ['unpack', step.unpack ? 'true' : undefined],
          ['strip', step.strip > 0 ? String(step.strip) : undefined],
          ['mode', step.mode === '0644' ? undefined : quote(step.mode)],
        ]),
      )
    case 'project':
      return call(
        quote(step.path),
        object([
          ['to', quote(step.to)],
          ['exclude', step.exclude && list(step.exclude.map(quote))],
        ]),
      )
    case 'copy':
      return call(
        { call: 'recipe', args: [quote(step.from.name)] },
        object([
          ['path', quote(step.path)],
          ['to', quote(step.to)],
        ]),
      )
    case 'run':
      return call(step.command.includes('\n') ? template(step.command) : quote(step.command))
  }
}

/** Source on one line; undefined when it has comments or is text of several lines. */
function flat(code: Code): string | undefined {
  if (typeof code === 'string') return code.includes('\n') ? undefined : code
  if ('call' in code) {
    const args = code.args.map(flat)
    if (args.includes(undefined)) return undefined
    return code.call.endsWith(': ') ? `${code.call}${args[0]}` : `${code.call}(${args.join(', ')})`
  }
  const items = code.items.map((item) => (item.comments.length > 0 ? undefined : flat(item.code)))
  if (items.includes(undefined)) return undefined
  const space = code.spaced && items.length > 0 ? ' ' : ''
  return `${code.open}${space}${items.join(', ')}${space}${code.close}`
}

/**
 * Source, broken into lines where it does not fit.
 *
 * @param indent of the line that it begins on
 * @param taken columns before it on that line
 */
function print(code: Code, indent: number, taken: number): string {
  const line = flat(code)
  // a comma or a bracket follows
  if (line !== undefined && taken + line.length < WIDTH) return line
  if (typeof code === 'string') return code
  const pad = ' '.repeat(indent)
  if ('call' in code) {
    const [only] = code.args
    if (code.call.endsWith(': ')) return `${code.call}${print(only ?? '', indent, taken + code.call.length)}`
    // the bracket that closes the call is on the line of what fits on one
    const start = taken + code.call.length + 2
    // a string stands on a line of its own, a list or text of several lines beside the bracket
    if (code.args.length === 1 && !(typeof only === 'string' && flat(only) !== undefined))
      return `${code.call}(${print(only ?? '', indent, start)})`
    const first = code.args.slice(0, -1).map(flat)
    const width = first.reduce((sum, text) => sum + (text?.length ?? WIDTH) + 2, start)
    const last = code.args.at(-1)
    if (code.args.length > 1 && width + 1 < WIDTH && last !== undefined)
      return `${code.call}(${first.join(', ')}, ${print(last, indent, width)})`
    const args = code.args.map((arg) => `${pad}  ${print(arg, indent + 2, indent + 2)},\n`)
    return `${code.call}(\n${args.join('')}${pad})`
  }
  const items = code.items.map(({ comments, code: item }) => {
    const lines = comments.map((text) => `${pad}  ${comment(text)}\n`).join('')
    return item === '' ? lines : `${lines}${pad}  ${print(item, indent + 2, indent + 2)},\n`
  })
  return `${code.open}\n${items.join('')}${pad}${code.close}`
}

/** One line of a comment: nothing in it ends the line, or turns the direction of text. */
function comment(text: string): string {
  const line = text.replace(/[\p{Cc}\p{Cf}\u2028\u2029]+/gu, ' ').trimEnd()
  return line === '' ? '//' : `// ${line}`
}

/** A string literal: the same string, whatever is in it. */
export function quote(text: string): string {
  const inner = JSON.stringify(text).slice(1, -1).replaceAll('\\"', '"')
  const count = (mark: string) => text.split(mark).length
  const mark = count("'") > count('"') ? '"' : "'"
  return `${mark}${visible(inner).replaceAll(mark, `\\${mark}`)}${mark}`
}

/** A template literal without values: for text of several lines. */
function template(text: string): string {
  const inner = text.replace(/[\\`]|\$(?=\{)/g, '\\$&')
  return `\`${visible(inner.replace(/(?![\n\t])\p{Cc}/gu, escapeUnit))}\``
}

/** What cannot be seen, or turns the direction of text, or is half a character. */
const visible = (text: string) =>
  text.replace(/[\x7f-\x9f\u2028\u2029\p{Cf}\ud800-\udfff]/gu, (found) =>
    Array.from({ length: found.length }, (_, i) => escapeUnit(found.charAt(i))).join(''),
  )

const escapeUnit = (unit: string) => `\\u${unit.charCodeAt(0).toString(16).padStart(4, '0')}`
