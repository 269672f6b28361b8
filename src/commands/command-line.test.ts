import { expect, test } from 'vitest'
import { StillroomError } from '../error.ts'
import { readCommandLine } from './command-line.ts'

const COMMANDS = [
  'audit:image',
  'audit:recipe',
  'build:recipe',
  'doctor',
  'list:recipes',
  'run:recipe',
  'store:du',
  'store:export:recipe',
  'verify:recipe',
  'verify:sources',
]

const read = (line: string): string => {
  try {
    return readCommandLine(line.split(' ').filter(Boolean), COMMANDS).join(' ')
  } catch (error) {
    if (!(error instanceof StillroomError)) throw error
    return `${error.code}: ${error.message}; ${error.hint}`
  }
}

test('puts what is meant into words that oclif reads', () => {
  const lines = {
    '': '--help',
    help: '--help',
    '--version': '--version',
    version: '--version',
    'help build': 'build --help',
    'help build recipe': 'build recipe --help',
    'help build hello': 'build --help',
    build: 'build',
    'build --help': 'build --help',
    'build recipe hello': 'build recipe hello',
    'build hello': 'build recipe hello',
    'build hello --no-cache': 'build recipe hello --no-cache',
    'build --no-cache hello': 'build recipe --no-cache hello',
    'verify --all': 'verify recipe --all',
    'run hello say -- recipe -C x': 'run recipe hello say -- recipe -C x',
    'audit hello': 'audit recipe hello',
    'audit image hello': 'audit image hello',
    'store export hello': 'store export recipe hello',
    '-C docs doctor': 'doctor -C docs',
    '--json -Cdocs build hello': 'build recipe --json -Cdocs hello',
    '--directory=docs --json store du': 'store du --directory=docs --json',
    doctor: 'doctor',
    'doctor --online': 'doctor --online',
  }
  for (const [line, meant] of Object.entries(lines)) expect(read(line), line).toBe(meant)
})

test('names the nearest of what there is', () => {
  const lines = [
    'buld recipe hello',
    'build recpe hello',
    'store dx',
    'frobnicate',
    'verify source hello',
    'help frobnicate',
    'help biuld',
    '--frob',
    'recipe build hello',
    'hello build',
    '--no-cache build hello',
    'store hello export',
    '-C',
  ]
  expect(lines.map((line) => `${line} -> ${read(line)}`)).toMatchInlineSnapshot(`
    [
      "buld recipe hello -> USAGE: there is no command "buld"; did you mean: stillroom build recipe hello",
      "build recpe hello -> USAGE: there is no command "build recpe"; did you mean: stillroom build recipe hello",
      "store dx -> USAGE: there is no command "store dx"; commands: stillroom store du, stillroom store export",
      "frobnicate -> USAGE: there is no command "frobnicate"; commands: stillroom audit, stillroom build, stillroom doctor, stillroom list, stillroom run, stillroom store, stillroom verify",
      "verify source hello -> USAGE: there is no command "verify source"; did you mean: stillroom verify sources hello",
      "help frobnicate -> USAGE: there is no command "frobnicate"; commands: stillroom audit, stillroom build, stillroom doctor, stillroom list, stillroom run, stillroom store, stillroom verify",
      "help biuld -> USAGE: there is no command "biuld"; did you mean: stillroom build",
      "--frob -> USAGE: there is no command "--frob"; commands: stillroom audit, stillroom build, stillroom doctor, stillroom list, stillroom run, stillroom store, stillroom verify",
      "recipe build hello -> USAGE: there is no command "recipe"; did you mean: stillroom build recipe hello",
      "hello build -> USAGE: there is no command "hello"; did you mean: stillroom build hello",
      "--no-cache build hello -> USAGE: there is no command "--no-cache"; did you mean: stillroom build --no-cache hello",
      "store hello export -> USAGE: there is no command "store hello"; did you mean: stillroom store export hello",
      "-C -> USAGE: -C needs a directory; such as: stillroom -C docs/examples list recipes",
    ]
  `)
})
