import type { Position } from '../../formats/dockerfile/source-text.ts'
import type { Component, RecipeInput, Step, Suite } from '../../recipe/schema.ts'

/** A value as a recipe has it before its defaults are filled in. */
export type StepDraft =
  | { kind: 'apt'; packages: string[]; recommends: boolean }
  | {
      kind: 'pip'
      requirements: string[]
      files: string[]
      constraints: string[]
      constraintFiles: string[]
      index: string | undefined
      local: { path: string; editable: boolean; extras: string[] }[]
      sdists?: Record<string, string[]>
    }
  | { kind: 'git'; url: string; ref: string; to: string; submodules: boolean; lfs?: boolean }
  | { kind: 'file'; url: string; sha256?: string; to: string; unpack: boolean; strip: number; mode: string }
  | { kind: 'project'; path: string; to: string; exclude?: string[] }
  | { kind: 'copy'; from: { kind: 'recipe'; name: string }; path: string; to: string }
  | { kind: 'run'; command: string }

/** A place in the list of steps: what is said there, and the step if there is one. */
export interface DraftEntry {
  at: Position
  comments: string[]
  step: StepDraft | undefined
}

/** Something to see to: `todo` is not in the recipe as the Dockerfile has it. */
export interface DraftNote extends Position {
  kind: 'todo' | 'note'
  text: string
}

export interface RecipeDraft {
  /** What stands above the recipe. */
  comments: string[]
  base: { kind: 'debian'; suite: Suite; components?: Component[] } | { kind: 'image'; reference: string }
  entries: DraftEntry[]
  env: Record<string, string>
  user?: { name: string; uid: number; home: string; shell: string }
  workdir?: string
  entrypoint?: string[]
  cmd?: string[]
  labels: Record<string, string>
  expose: string[]
  volumes: string[]
  tasks: Record<string, { description: string; command: string[] }>
  /** One layer, where a step deletes what an earlier one brought. */
  layout?: 'flat'
  /** What stands below the steps. */
  trailing: string[]
}

/** A step as the recipe's schema has it. */
export function stepOf(draft: StepDraft): Step {
  if (draft.kind !== 'pip') return draft as Step
  const { requirements, files, constraints, constraintFiles, index, local, sdists = {} } = draft
  const names = requirements.map((text) => /^[A-Za-z0-9._-]+/.exec(text.trim())?.[0] ?? text)
  return {
    kind: 'pip',
    requirements,
    sdists,
    ...(files.length > 0 ? { files: files.map((path) => ({ path })) } : {}),
    ...(constraints.length > 0 ? { constraints } : {}),
    ...(constraintFiles.length > 0 ? { constraintFiles } : {}),
    ...(local.length > 0 ? { local } : {}),
    ...(index === undefined || names.length === 0
      ? {}
      : {
          indexes: Object.fromEntries(
            names.map((name) => [name.toLowerCase().replace(/[-_.]+/g, '-'), index]),
          ),
        }),
  }
}

/** The recipe that a draft stands for. */
export function recipeOf(draft: RecipeDraft): RecipeInput {
  const { base, entries, env, user, workdir, entrypoint, cmd, labels, expose, volumes, tasks, layout } = draft
  return {
    base,
    steps: entries.flatMap(({ step }) => (step === undefined ? [] : [stepOf(step)])),
    env,
    labels,
    expose,
    volumes,
    tasks,
    ...(layout === undefined ? {} : { layout }),
    ...(user === undefined ? {} : { user }),
    ...(workdir === undefined ? {} : { workdir }),
    ...(entrypoint === undefined ? {} : { entrypoint }),
    ...(cmd === undefined ? {} : { cmd }),
  }
}
