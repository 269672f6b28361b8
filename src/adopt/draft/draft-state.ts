import type { Position } from '../../formats/dockerfile/source-text.ts'
import { type CopiedFile, copiedFile } from '../copied-files.ts'
import type { DraftEntry, DraftNote, RecipeDraft, StepDraft } from './recipe-draft.ts'

/** What COPY and ADD brought, and the entry that places it. */
export interface Copied extends CopiedFile {
  at: Position
  entry: DraftEntry
}

/** Where a directory of the build context is in the recipe's repository, as a project step has it. */
export interface RepositoryPlace {
  /** Seen from the recipe's directory. */
  path: string
  /** What the recipe can't take: what is made of it. */
  exclude: string[]
}

/** A draft on its way. */
export interface DraftState {
  draft: RecipeDraft
  notes: DraftNote[]
  copied: Copied[]
  /** What the mounts of the RUN at hand bring. */
  mounted: CopiedFile[]
  /** Files beside the recipe, by path, with their text. */
  files: Map<string, string>
  /** Files of the build context that pip was given. */
  read: Set<string>
  contextFile: (path: string) => string | undefined
  /** Of a directory of the build context; undefined when it is none, or not in the repository. */
  repositoryPlace: (source: string) => RepositoryPlace | undefined
  /** WORKDIR in force. */
  workdir: string
  /** USER in force, when it is not root. */
  user: string | undefined
  /** The account that the recipe has: the USER at the end, when the Dockerfile makes it. */
  account: { name: string; uid: number } | undefined
  /**
   * Directories that packages of Python were to go to, which they do not: `--prefix`, or a virtual environment, with the
   * command that makes one of the system's packages.
   */
  environments: Map<string, string | undefined>
  /** Directories of wheels that are installed where they are copied to, and what they are of. */
  wheels: Map<string, StepDraft | undefined>
  /** Stages before it that files can be taken from, by what `--from` calls them. */
  stages: ReadonlyMap<string, DraftedStage>
  /** Comments of the Dockerfile that wait for the next step. */
  comments: string[]
}

/** A stage that became a recipe of its own. */
export interface DraftedStage {
  recipe: string
  state: DraftState
}

/** Adds a step behind those that there are, with the comments that wait for it. */
export function addStep(
  state: DraftState,
  at: Position,
  step: StepDraft | undefined,
  comments: readonly string[] = [],
): DraftEntry {
  const entry: DraftEntry = { at, comments: [...state.comments, ...comments], step }
  state.comments = []
  state.draft.entries.push(entry)
  return entry
}

/** What comes from the build context: its place among the steps. */
export function copyFromContext(
  state: DraftState,
  written: string,
  target: string,
  isDirectory: boolean,
  at: Position,
): void {
  // its place among the steps; what it is, is decided when all is known
  const entry = addStep(state, at, undefined)
  state.copied.push({ ...copiedFile(written, target, isDirectory, state.contextFile), at, entry })
}

/** Something that is not as the Dockerfile has it: a comment in its place, and a line for the user. */
export function addTodo(state: DraftState, at: Position, text: string, code?: string): void {
  state.notes.push({ kind: 'todo', ...at, text: code === undefined ? text : `${text}: ${code}` })
  addStep(state, at, undefined, [
    `TODO line ${at.line}: ${text}`,
    ...(code === undefined ? [] : [`  ${code}`]),
  ])
}

/** Something to know; it is a comment, too, when it belongs to a step. */
export function addNote(state: DraftState, at: Position, text: string): string {
  state.notes.push({ kind: 'note', ...at, text })
  return `line ${at.line}: ${text}`
}

/** Something to know of several places, said at the first: a comment of the step that follows. */
export function noteOnce(state: DraftState, at: Position, text: string): void {
  if (!state.notes.some((note) => note.text === text)) state.comments.push(addNote(state, at, text))
}

/** A word for a POSIX shell. */
export function shellWord(text: string): string {
  return /^[\w@%+=:,./-]+$/.test(text) ? text : `'${text.replaceAll("'", "'\\''")}'`
}
