import { globSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { type Command, Flags, Parser } from '@oclif/core'
import { expect, test } from 'vitest'
import { readCommandLine } from './command-line.ts'

/*
 * Each command line of ours that a page shows, in a block or between backticks, is one that the command line takes: there is such a
 * command, with such options and as many arguments. Nothing is run.
 */

const ROOT = join(import.meta.dirname, '../..')
const PAGES = globSync(['README.md', 'docs/*.md', 'docs/examples/README.md'], { cwd: ROOT }).sort()
const commands = new Map<string, typeof Command>()
for (const file of globSync('**/*.ts', { cwd: import.meta.dirname })) {
  if (!/^export default class/m.test(readFileSync(join(import.meta.dirname, file), 'utf8'))) continue
  const module = (await import(join(import.meta.dirname, file))) as { default?: typeof Command }
  const id = file.replace(/\.ts$/, '').replaceAll('/', ':')
  if (module.default) commands.set(id, module.default)
}

/** What follows `stillroom` in each command line of a page. */
function commandLines(page: string): string[] {
  const blocks = [...page.matchAll(/^```\w*\n(.*?)^```/gms)].map(([, text = '']) => text)
  const prose = page.replace(/^```\w*\n.*?^```/gms, '')
  const spans = [...prose.matchAll(/`([^`]+)`/g)].map(([, text = '']) => text)
  const lines = [
    ...blocks.flatMap((text) => text.split('\n')),
    ...spans.map((text) => text.replace('\n', ' ')),
  ]
  return lines.flatMap((line) => /^(?:\$ )?(?:\.\/bin\/|npx )?stillroom (.*)$/.exec(line)?.[1] ?? [])
}

/** Words as a shell has them, up to a comment or another command; of a form, what is optional and repeated like the rest. */
function wordsOf(line: string): string[] {
  const [own = ''] = line.split(/ # |\s[#|;>]|\s&&\s/)
  const words = own.match(/(?:[^\s'"]|'[^']*'|"[^"]*")+/g) ?? []
  return words
    .map((word) =>
      word
        .replace(/^\[(.*)\]$/, '$1')
        .replace(/['"]/g, '')
        .replace(/\.\.\.$/, ''),
    )
    .filter((word) => word !== '')
}

async function check(line: string): Promise<void> {
  const words = readCommandLine(wordsOf(line), [...commands.keys()])
  const count = words.findLastIndex((_, i) => commands.has(words.slice(0, i + 1).join(':'))) + 1
  const command = commands.get(words.slice(0, count).join(':'))
  const rest = words.slice(count)
  // `stillroom run`, as prose names a command, and help
  if (command === undefined || rest.length === 0 || rest.includes('--help')) return
  const { args, strict } = command
  const flags = { ...command.baseFlags, ...command.flags, json: Flags.boolean() }
  await Parser.parse(rest, { args, flags, strict, '--': true })
}

test.each(PAGES)('each command line of %s can be typed', async (page) => {
  const wrong: string[] = []
  for (const line of commandLines(readFileSync(join(ROOT, page), 'utf8')))
    await check(line).catch((error: Error) => wrong.push(`stillroom ${line}: ${error.message}`))
  expect(wrong).toEqual([])
})

test('command lines are found in blocks and between backticks', () => {
  const page =
    'So `stillroom prune` or\n\n```console\n$ stillroom ps\nstillroom\n./bin/stillroom doctor # all\n```\n'
  expect(commandLines(page)).toEqual(['ps', 'doctor # all', 'prune'])
})

test('a command line that cannot be typed is found', async () => {
  for (const line of [
    'buidl hello',
    'build hello --no-cach',
    'save recipe hello',
    'prune now',
    'verify --vary moon',
  ])
    await expect(check(line), line).rejects.toThrow()
  for (const line of ['build hello other # both', "run hello say -- -n '2 3' | tee x", 'help build', 'prune'])
    await expect(check(line), line).resolves.toBeUndefined()
})
