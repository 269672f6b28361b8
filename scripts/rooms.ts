// Holds src/ against the design: a room imports rooms before it in the flow and never after, nothing imports in a
// circle, and a pure room has no clock, environment, randomness, network or disk. Tests are left out of it.
import { globSync, readFileSync } from 'node:fs'
import { dirname, join, relative } from 'node:path'

/** In the order of the flow. */
const ROOMS = [
  ...['formats', 'net', 'recipe', 'lock', 'store', 'sources', 'resolve', 'dockerfile', 'engine', 'image'],
  ...['inventory', 'audit', 'adopt', 'verify', 'report', 'workflows', 'commands'],
]

const PURE = ['formats', 'recipe', 'lock', 'dockerfile', 'inventory', 'audit', 'adopt', 'verify', 'report']

const IMPURE_MODULES =
  /^(node:)?(fs|net|http|https|http2|tls|dns|dgram|child_process|os|process|worker_threads|cluster|timers)(\/|$)/
const IMPURE_WORDS =
  /(?<![\w.'"`])(process\.|Date\.now\(|new Date\(\)|Math\.random\(|performance\.|randomUUID\(|randomBytes\(|fetch\()/

interface Import {
  /** Below src/ for a file of ours, else as written. */
  target: string
  own: boolean
  typeOnly: boolean
}

/** Everything that breaks a rule, one sentence each; `root` is the repository's directory. */
export function findRoomViolations(root: string): string[] {
  const source = join(root, 'src')
  const files = globSync('**/*.ts', { cwd: source }).filter((file) => !isTest(file))
  const graph = new Map(files.sort().map((file) => [file, readImports(source, file)]))
  return [
    ...[...graph].flatMap(([file, imports]) => [
      ...imports.flatMap((target) => checkOrder(file, target)),
      ...checkPurity(source, file, graph),
    ]),
    ...findCycles(graph).map((cycle) => `a circle of imports: ${cycle.join(' -> ')}`),
  ]
}

function isTest(file: string): boolean {
  return /\.(test|test-data|fixture)\.ts$|(^|\/)testing\//.test(file)
}

function readImports(source: string, file: string): Import[] {
  const text = readFileSync(join(source, file), 'utf8')
  const statements = [...text.matchAll(/^(?:import|export)\s(?:[^'";]*?\sfrom\s+)?'([^']+)'/gm)]
  const calls = [...text.matchAll(/(?<!\* .*)\bimport\('([^']+)'\)/g)]
  return [...statements, ...calls].map(([statement, name = '']) => {
    const own = name.startsWith('.')
    const names =
      /\{([^}]*)\}/
        .exec(statement)?.[1]
        ?.split(',')
        .map((part) => part.trim())
        .filter(Boolean) ?? []
    return {
      own,
      target: own ? relative(source, join(source, dirname(file), name)) : name,
      typeOnly:
        /^(import|export) type\s/.test(statement) ||
        (names.length > 0 &&
          /^(import|export)\s+\{/.test(statement) &&
          names.every((part) => part.startsWith('type '))),
    }
  })
}

const roomOf = (file: string): string => (file.includes('/') ? file.slice(0, file.indexOf('/')) : '')

function checkOrder(file: string, { own, target }: Import): string[] {
  const [from, to] = [roomOf(file), roomOf(target)]
  // error.ts is everyone's; the package begins with index.ts, the program with main.ts
  if (!own || from === to || target === 'error.ts' || ['index.ts', 'main.ts'].includes(file)) return []
  if (!ROOMS.includes(from)) return [`${file}: "${from}" is no room that scripts/rooms.ts knows`]
  if (ROOMS.indexOf(to) !== -1 && ROOMS.indexOf(to) < ROOMS.indexOf(from)) return []
  return [`${file}: imports ${target}, which is not of a room before "${from}"`]
}

/** A file of a pure room, with all that it loads, touches nothing outside: that of another room counts, too. */
function checkPurity(source: string, file: string, graph: Map<string, Import[]>): string[] {
  const room = roomOf(file)
  if (!PURE.includes(room)) return []
  const problems: string[] = []
  const seen = new Set<string>()
  const visit = (at: string, by: string) => {
    if (seen.has(at) || !graph.has(at)) return
    seen.add(at)
    const what = findImpurity(source, at, graph)
    if (what !== undefined) problems.push(`${file}: ${by}${what} in the pure room "${room}"`)
    for (const { own, target, typeOnly } of graph.get(at) ?? [])
      if (own && !typeOnly && !PURE.includes(roomOf(target))) visit(target, `loads ${target}, which `)
  }
  visit(file, '')
  return problems
}

function findImpurity(source: string, file: string, graph: Map<string, Import[]>): string | undefined {
  const module = graph
    .get(file)
    ?.find(({ own, target, typeOnly }) => !own && !typeOnly && IMPURE_MODULES.test(target))
  if (module) return `imports ${module.target}`
  const code = readFileSync(join(source, file), 'utf8').replace(/^\s*(\/\/|\/?\*).*$/gm, '')
  const word = IMPURE_WORDS.exec(code)?.[1]
  return word === undefined ? undefined : `uses ${word}`
}

/** Each circle once, from its first file by name. */
function findCycles(graph: Map<string, Import[]>): string[][] {
  const done = new Set<string>()
  const cycles: string[][] = []
  const visit = (file: string, path: string[]) => {
    const start = path.indexOf(file)
    if (start !== -1) return void cycles.push([...path.slice(start), file])
    if (done.has(file)) return
    for (const { own, target } of graph.get(file) ?? []) if (own) visit(target, [...path, file])
    done.add(file)
  }
  for (const file of graph.keys()) visit(file, [])
  return cycles
}
