/** A command as oclif knows it, of which completion needs no more. */
export interface KnownCommand {
  /** `build:recipe`. */
  id: string
  hidden?: boolean | undefined
  flags?: Record<string, { type: string; allowNo?: boolean; options?: readonly string[] | undefined }>
}

/** What a project has, looked up only when it is asked for. */
export interface ProjectNames {
  recipes: () => Promise<string[]>
  tasks: (recipe: string) => Promise<string[]>
  /** `apt:curl`, `pip:six`. */
  packages: (recipe: string) => Promise<string[]>
}

/** Commands whose second argument is a task. */
const WITH_TASKS = ['run:recipe', 'logs:recipe', 'stop:recipe']
/** Commands that take recipes, however they are called. */
const WITH_RECIPES = /:recipe$|^verify:sources$/
/** Commands that take several. */
const WITH_SEVERAL = /^(?:audit|build|generate|lock|verify):recipe$|^verify:sources$/

/**
 * What the last of some words may become: words of commands, recipes, tasks, packages of a lock, options and their values.
 * Nothing where that is anybody's guess, such as a file.
 *
 * @param words what follows `stillroom` on a command line, up to the cursor; the last may be empty
 */
export async function completeWords(
  words: readonly string[],
  commands: readonly KnownCommand[],
  project: ProjectNames,
): Promise<string[]> {
  const current = words.at(-1) ?? ''
  const before = withoutGlobals(words.slice(0, -1))
  const found = await candidates(
    before,
    current,
    commands.filter(({ hidden }) => !hidden),
    project,
  )
  return [...new Set(found)].filter((word) => word.startsWith(current)).sort()
}

async function candidates(
  before: readonly string[],
  current: string,
  commands: readonly KnownCommand[],
  project: ProjectNames,
): Promise<string[]> {
  const { command, rest, topic } = readCommand(before, commands)
  if (command === undefined) {
    if (rest.length > 0) return []
    const next = commands
      .map(({ id }) => id.split(':'))
      .filter((id) => topic.every((word, i) => id[i] === word) && id.length > topic.length)
      .map((id) => id[topic.length] ?? '')
    return next.includes('recipe') && topic.length > 0 ? [...next, ...(await project.recipes())] : next
  }
  const { id, flags = {} } = command
  const last = rest.at(-1) ?? ''
  const valued = flags[last.replace(/^--/, '')]
  if (last.startsWith('--') && valued?.type === 'option') return [...(valued.options ?? [])]
  if (current.startsWith('-')) return optionsOf(command)
  if (!WITH_RECIPES.test(id)) return []
  const [recipe, ...more] = argumentsOf(rest, flags)
  if (recipe === undefined) return project.recipes()
  if (WITH_TASKS.includes(id) && more.length === 0) return project.tasks(recipe)
  if (id === 'lock:recipe' && rest.includes('--upgrade')) return project.packages(recipe)
  return WITH_SEVERAL.test(id) ? project.recipes() : []
}

/** The command that words begin with; `build hello` is `build recipe hello`. */
function readCommand(words: readonly string[], commands: readonly KnownCommand[]) {
  const topic: string[] = []
  for (const word of words) {
    const id = [...topic, word].join(':')
    if (!commands.some((command) => command.id === id || command.id.startsWith(`${id}:`))) break
    topic.push(word)
  }
  const exact = commands.find(({ id }) => id === topic.join(':'))
  const rest = words.slice(topic.length)
  if (exact) return { command: exact, rest, topic }
  const implied =
    rest.length > 0 ? commands.find(({ id }) => id === [...topic, 'recipe'].join(':')) : undefined
  return { command: implied, rest, topic }
}

function withoutGlobals(words: readonly string[]): string[] {
  const kept: string[] = []
  for (let i = 0; i < words.length; i++) {
    const word = words[i] ?? ''
    if (word === '-C' || word === '--directory') i += 1
    else if (word !== '--json' && !/^(-C|--directory=)./.test(word)) kept.push(word)
  }
  return kept
}

/** Words that are neither options nor their values. */
function argumentsOf(words: readonly string[], flags: NonNullable<KnownCommand['flags']>): string[] {
  return words.filter((word, i) => {
    const option = flags[(words[i - 1] ?? '').replace(/^--/, '')]
    return !word.startsWith('-') && !(words[i - 1]?.startsWith('--') && option?.type === 'option')
  })
}

function optionsOf({ flags = {} }: KnownCommand): string[] {
  return [
    ...Object.entries(flags).flatMap(([name, { type, allowNo }]) =>
      type === 'boolean' && allowNo ? [`--${name}`, `--no-${name}`] : [`--${name}`],
    ),
    '--help',
  ]
}
