import type { Position } from '../../formats/dockerfile/source-text.ts'
import { expandDocument, splitWords } from '../../formats/dockerfile/words.ts'
import { isBelow, namesDirectory, resolvePath, UV_IMAGE } from '../copied-files.ts'
import type { StageInstruction } from '../stages.ts'
import { draftStageCopy } from './draft-stage-copy.ts'
import {
  addNote,
  addStep,
  addTodo,
  type Copied,
  copyFromContext,
  type DraftState,
  type RepositoryPlace,
  shellWord,
} from './draft-state.ts'

/** Directories that are not given to a step as they are, and places whose files don't stay. */
const NOT_PLACED =
  /^\/(bin|sbin|lib|lib64|boot|dev|etc|proc|run|sys|usr|var|tmp|root|home|opt|srv|mnt|media)?$|^\/(dev|proc|sys|tmp|run|var\/tmp|var\/run)\//

/** Emptied after each step. */
const VANISHES = /^\/(tmp|run|var\/tmp|var\/run)(\/|$)/

/** COPY and ADD: what is fetched becomes a typed step, what comes from the build context a project. */
export function draftCopy(state: DraftState, each: StageInstruction, escaping: string): void {
  const { instruction, variables } = each
  const { json, body, flags, heredocs, keyword, at } = instruction
  const words =
    json?.map((text) => ({ text, value: text, at: 0 })) ?? splitWords(body.text, escaping, variables)
  const flag = (name: string) => flags.find((each) => each.name === name)?.value
  const from = flag('from')
  const stage = from === undefined ? undefined : state.stages.get(from.toLowerCase())
  const uv = stage === undefined ? UV_IMAGE.exec(from ?? '') : null
  if (uv !== null) return void addUv(state, uv[1], at)
  if (from !== undefined && stage === undefined)
    return void addTodo(
      state,
      at,
      'files of other images are not taken: place them with file() or apt()',
      `${keyword} --from=${from} ${body.text}`,
    )
  const to = words.at(-1)?.value
  const sources = words.slice(0, -1).filter(({ text }) => !text.startsWith('<<'))
  if (
    to === undefined ||
    (sources.length === 0 && heredocs.length === 0) ||
    sources.some(({ value }) => value === undefined)
  )
    return void addTodo(
      state,
      at,
      'what it copies is only known when it is built: write it out',
      `${keyword} ${body.text}`,
    )
  const isDirectory = namesDirectory(to, sources.length + heredocs.length)
  const target = resolvePath(state.workdir, to)
  if (stage !== undefined)
    return void draftStageCopy(state, stage, {
      instruction,
      sources: sources.map(({ value = '' }) => value),
      to,
    })
  const files: string[] = []
  for (const { name, content, quoted } of heredocs) {
    const path = isDirectory ? resolvePath(target, name) : target
    const text = quoted ? content : expandDocument(content, variables)
    if (text === undefined)
      addTodo(
        state,
        at,
        'a variable in it is only known when it is built: give --build-arg',
        `${path}: ${content}`,
      )
    else {
      writeFile(state, path, text, at)
      files.push(path)
    }
  }
  const before = state.copied.length
  for (const { value = '' } of sources) {
    if (/^(https?|ftp):\/\//.test(value) && !/\.git(#|$)/.test(value))
      files.push(addFile(state, value, target, isDirectory, flag('checksum'), at))
    else if (/^(git@|git:\/\/|ssh:\/\/|https?:\/\/)/.test(value)) {
      const [url = '', fragment = ''] = value.split('#')
      const [ref = '', subdir] = fragment.split(':')
      if (subdir !== undefined)
        addTodo(state, at, "write git('...', { ref, to, subdir })", `${keyword} ${body.text}`)
      else
        addStep(state, at, {
          kind: 'git',
          url,
          ref: ref === '' ? 'HEAD' : ref,
          to: target,
          submodules: false,
        })
    } else copyFromContext(state, value, target, isDirectory, at)
  }
  if (
    keyword === 'ADD' &&
    sources.some(
      ({ value }) => /\.(tar(\.\w+)?|tgz|txz|tbz2)$/.test(value ?? '') && !/^[a-z]+:/.test(value ?? ''),
    )
  )
    addTodo(
      state,
      at,
      'ADD unpacks archives of the build context: unpack them into the project',
      `${keyword} ${body.text}`,
    )
  const chmod = flag('chmod')
  if (chmod !== undefined) changeModes(state, chmod, files, state.copied.slice(before), at)
  const owner = flag('chown')
  if (owner !== undefined && owner.split(':')[0] !== (state.account?.name ?? 'root'))
    state.comments.push(addNote(state, at, `--chown=${owner}: what steps place belongs to the recipe's user`))
}

/** uv, which its own image has, comes as the wheel that the package index has. */
function addUv(state: DraftState, tag: string | undefined, at: Position): void {
  const [version] = /^\d+\.\d+\.\d+$/.exec(tag ?? '') ?? []
  const requirements = [version === undefined ? 'uv' : `uv==${version}`]
  addStep(state, at, {
    ...{ kind: 'pip', requirements, files: [], constraints: [], constraintFiles: [], local: [] },
    index: undefined,
  })
}

function writeFile(state: DraftState, path: string, content: string, at: Position): void {
  const directory = path.slice(0, path.lastIndexOf('/')) || '/'
  addStep(state, at, {
    kind: 'run',
    command: `mkdir -p ${shellWord(directory)}\nprintf %s ${shellWord(content)} > ${shellWord(path)}`,
  })
}

function addFile(
  state: DraftState,
  url: string,
  target: string,
  isDirectory: boolean,
  checksum: string | undefined,
  at: Position,
): string {
  const name = url.replace(/[?#].*$/, '').replace(/^.*\//, '')
  const [, sha256] = /^sha256:([0-9a-f]{64})$/.exec(checksum ?? '') ?? []
  const to = isDirectory ? resolvePath(target, name) : target
  addStep(state, at, {
    ...{ kind: 'file', url, to, unpack: false, strip: 0, mode: '0600' },
    ...(sha256 === undefined ? {} : { sha256 }),
  })
  return to
}

/** `--chmod`: of what was placed, and not of all that lies in a directory of the system. */
function changeModes(
  state: DraftState,
  mode: string,
  files: readonly string[],
  copies: readonly Copied[],
  at: Position,
): void {
  const own = copies.filter(({ isDirectory, target }) => isDirectory && !NOT_PLACED.test(target))
  const single = [...files, ...copies.flatMap(({ isDirectory, target }) => (isDirectory ? [] : [target]))]
  const commands = [
    ...(single.length > 0 ? [`chmod ${shellWord(mode)} ${single.map(shellWord).join(' ')}`] : []),
    ...own.map(({ target }) => `chmod -R ${shellWord(mode)} ${shellWord(target)}`),
  ]
  if (commands.length > 0) addStep(state, at, { kind: 'run', command: commands.join('\n') })
  for (const { source, isDirectory, target } of copies)
    if (isDirectory && NOT_PLACED.test(target))
      addTodo(state, at, `give what is in ${source} the mode ${mode} before you commit it`)
}

/** The projects that COPY stands for: one a directory of the image, those that lie within another with that one. */
export function placeCopies(state: DraftState): void {
  const places: { to: string; copies: Copied[] }[] = []
  for (const copy of state.copied) {
    // pip reads it beside the recipe; the image has no need of it
    if (!copy.isDirectory && state.read.has(copy.source) && !isNamed(state, copy.target)) continue
    const isRead = [...state.read].some((file) => file.startsWith(`${copy.source}/`))
    if (copy.isDirectory && isRead && VANISHES.test(copy.target)) continue
    const directory = copy.isDirectory
      ? copy.target
      : copy.target.slice(0, copy.target.lastIndexOf('/')) || '/'
    const [own = { to: directory, copies: [] }, ...others] = places.filter(
      ({ to }) => isWithin(directory, to) || isWithin(to, directory),
    )
    for (const other of others) places.splice(places.indexOf(other), 1)
    if (own.copies.length === 0) places.push(own)
    for (const to of [directory, ...others.map((other) => other.to)]) if (isWithin(own.to, to)) own.to = to
    own.copies.push(...others.flatMap((other) => other.copies), copy)
  }
  const taken = new Set<string>()
  const order = new Map(state.copied.map((copy, i) => [copy, i]))
  for (const { to, copies } of places) {
    copies.sort((one, other) => (order.get(one) ?? 0) - (order.get(other) ?? 0))
    place(state, to, copies, taken)
  }
  state.draft.entries = state.draft.entries.filter(
    ({ step, comments }) => step !== undefined || comments.length > 0,
  )
}

/** Whether a run step names a file, by its last name. */
function isNamed({ draft }: DraftState, path: string): boolean {
  const name = path.replace(/^.*\//, '')
  return draft.entries.some(({ step }) => step?.kind === 'run' && step.command.includes(name))
}

/** Whether two directories of the image are one project; those of the system are parents of all. */
const isWithin = (path: string, directory: string) =>
  path === directory || (!NOT_PLACED.test(directory) && isBelow(path, directory))

const isPlaced = (to: string) => !NOT_PLACED.test(to) && !NOT_PLACED.test(`${to}/x`)

/** Directories of the repository that the recipe will lie in stay where they are. @returns whether that is what is copied */
function takeFromRepository(state: DraftState, copies: readonly Copied[]): boolean {
  const found: RepositoryPlace[] = []
  for (const { source, target, isDirectory, pattern } of copies) {
    const place =
      isDirectory && pattern === undefined && isPlaced(target) ? state.repositoryPlace(source) : undefined
    if (place === undefined) return false
    found.push(place)
  }
  const isIn = (one: Copied) => copies.some((other) => one !== other && isBelow(one.target, other.target))
  if (copies.some(isIn)) return false
  for (const [i, { source, target, at, entry }] of copies.entries()) {
    const { path = '', exclude: own = [] } = found[i] ?? {}
    const { names, patterns } = ignoredBelow(source, state.contextFile('.dockerignore') ?? '')
    const exclude = [...new Set([...own, ...names])]
    entry.step = { kind: 'project', path, to: target, ...(exclude.length > 0 && { exclude }) }
    if (patterns.length > 0)
      entry.comments.push(
        addNote(
          state,
          at,
          `of .dockerignore, ${patterns.join(' ')} leaves out nothing here: what git has is taken, but for what \`exclude\` names`,
        ),
      )
  }
  return true
}

/** What a .dockerignore leaves out of a directory: names below it, and patterns, which a recipe has none of. */
function ignoredBelow(source: string, text: string): { names: string[]; patterns: string[] } {
  const lines = text
    .split('\n')
    .map((line) => line.trim())
    .filter((line) => line !== '' && !line.startsWith('#'))
  const isPattern = (line: string) => /[*?[\\]|^!|(^|\/)\.\.?(\/|$)/.test(line)
  // git keeps its own out of every tree
  const names = lines
    .filter((line) => !isPattern(line))
    .map((line) => line.replace(/^\/+|\/+$/g, '').replaceAll(/\/+/g, '/'))
    .filter((name) => name !== '' && name !== '.git')
  const inside = source === '.' ? names : names.filter((name) => name.startsWith(`${source}/`))
  return {
    names: inside.map((name) => (source === '.' ? name : name.slice(source.length + 1))),
    patterns: lines.filter(isPattern),
  }
}

function place(state: DraftState, to: string, copies: readonly Copied[], taken: Set<string>): void {
  const [first] = copies
  if (first === undefined || takeFromRepository(state, copies)) return
  const { entry } = first
  const slug = to.replace(/[^A-Za-z0-9._-]+/g, '-').replace(/^[-.]+|[-.]+$/g, '') || 'root'
  let name = slug
  for (let i = 2; taken.has(name); i++) name = `${slug}-${i}`
  taken.add(name)
  const path = `files/${name}`
  const puts = copies.map(({ source, target, isDirectory, pattern, at }) => {
    const content = isDirectory ? `what is in ${source}` : source
    const named = pattern ?? (source === '.' ? 'the build context' : content)
    const inner = target.slice(to === '/' ? 1 : to.length + 1)
    return `line ${at.line}: put ${named} into ${[path, inner].filter(Boolean).join('/')}`
  })
  entry.comments.push(...puts.map((text) => `TODO ${text}`))
  for (const [i, text] of puts.entries())
    state.notes.push({
      kind: 'todo',
      ...(copies[i] ?? first).at,
      text: `${text.replace(/^line \d+: /, '')}, beside the recipe, and commit it`,
    })
  if (isPlaced(to)) {
    entry.step = { kind: 'project', path, to }
    return
  }
  // a directory of the system is nobody's to give away: the files go in one by one
  const staged = `/opt/stillroom-files/${name}`
  entry.step = { kind: 'project', path, to: staged }
  const { entries } = state.draft
  if (VANISHES.test(to)) {
    for (const { step } of entries.slice(entries.indexOf(entry)))
      if (step?.kind === 'run' && step.command.includes(to))
        step.command = `mkdir -p ${shellWord(to)} && cp -R ${shellWord(staged)}/. ${shellWord(to)}\n${step.command}`
    return
  }
  entries.splice(entries.indexOf(entry) + 1, 0, {
    at: first.at,
    comments: [],
    step: {
      kind: 'run',
      command: `mkdir -p ${shellWord(to)} && cp -R ${shellWord(staged)}/. ${shellWord(to)}`,
    },
  })
}
