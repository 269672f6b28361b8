import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { execa } from 'execa'
import { expect, onTestFinished, test } from 'vitest'
import { completeWords } from './complete-words.ts'
import { COMPLETION_SCRIPTS, type Shell } from './completion-scripts.ts'

const option = (options?: string[]) => ({ type: 'option', options })
const COMMANDS = [
  { id: 'build:recipe', flags: { cache: { type: 'boolean', allowNo: true }, builder: option() } },
  { id: 'lock:recipe', flags: { upgrade: { type: 'boolean' }, check: { type: 'boolean' } } },
  { id: 'run:recipe', flags: { network: option(['none', 'host']), detach: { type: 'boolean' } } },
  { id: 'store:export:recipe', flags: {} },
  { id: 'store:du', flags: {} },
  { id: 'audit:image', flags: {} },
  { id: 'check:dockerfile', flags: { format: option(['text', 'sarif']) } },
  { id: 'adopt:dockerfile', flags: { suite: option(['bookworm', 'trixie']) } },
  { id: 'complete', hidden: true },
]
const project = {
  recipes: async () => ['hello', 'fenics-tf'],
  tasks: async (recipe: string) => (recipe === 'hello' ? ['serve', 'say'] : []),
  packages: async () => ['apt:curl', 'pip:six', 'pip:numpy'],
}

test.each<[string, string[]]>([
  ['', ['adopt', 'audit', 'build', 'check', 'lock', 'run', 'store']],
  ['b', ['build']],
  ['build ', ['fenics-tf', 'hello', 'recipe']],
  ['build recipe h', ['hello']],
  ['-C elsewhere build recipe ', ['fenics-tf', 'hello']],
  ['build hello --', ['--builder', '--cache', '--help', '--no-cache']],
  ['build hello --builder ', []],
  ['run recipe hello s', ['say', 'serve']],
  ['run hello ', ['say', 'serve']],
  ['run hello --network ', ['host', 'none']],
  ['run --network none hello ', ['say', 'serve']],
  ['run hello say ', []],
  ['lock hello ', ['fenics-tf', 'hello']],
  ['build recipe hello f', ['fenics-tf']],
  ['store export recipe hello ', []],
  ['lock hello --upgrade pip:', ['pip:numpy', 'pip:six']],
  ['store ', ['du', 'export']],
  ['store export recipe ', ['fenics-tf', 'hello']],
  ['audit image ', []],
  ['check ', ['dockerfile']],
  ['check dockerfile ', []],
  ['check dockerfile Dockerfile --format ', ['sarif', 'text']],
  ['adopt dockerfile Dockerfile --suite b', ['bookworm']],
  ['no-such-thing ', []],
])('%j may become %j', async (line, expected) => {
  expect(await completeWords(line.split(' '), COMMANDS, project)).toEqual(expected)
})

/** Asks a real shell what it would complete a line to, with a program in place of stillroom that notes what it is asked. */
const ASK: Record<Shell, (line: string, script: string) => string[]> = {
  bash: (line, script) => [
    '--norc',
    '-c',
    `source '${script}'; COMP_LINE='${line}'; COMP_POINT=\${#COMP_LINE}; _stillroom; printf '%s\\n' "\${COMPREPLY[@]}"`,
  ],
  zsh: (line, script) => [
    '-f',
    '-c',
    // what compadd is given is what would be offered
    `compdef() { :; }; compadd() { shift; print -l -- "\${(@P)1}"; }; source '${script}'; words=(\${(s: :)\${:-'${line}'}}); [[ '${line}' == *' ' ]] && words+=(''); CURRENT=$#words; _stillroom`,
  ],
  fish: (line, script) => ['--no-config', '-c', `source '${script}'; complete --do-complete '${line}'`],
}

for (const shell of ['bash', 'zsh', 'fish'] as const) {
  const has = await execa(shell, ['--version'], { reject: false })
  if (has.failed) console.warn(`skipped: completion in ${shell}, since there is no ${shell}`)
  test.skipIf(has.failed)(`${shell} asks with the words so far, and offers what it is given`, async () => {
    const directory = await mkdtemp(join(tmpdir(), 'stillroom-completion-'))
    onTestFinished(() => rm(directory, { recursive: true, force: true }))
    const script = join(directory, 'script')
    await writeFile(script, COMPLETION_SCRIPTS[shell])
    const program = `#!/bin/sh\nprintf '%s|' "$@" >'${directory}/asked'\nprintf 'pip:numpy\\npip:networkx\\n'\n`
    await writeFile(join(directory, 'stillroom'), program, { mode: 0o755 })
    const env = { PATH: `${directory}:${process.env.PATH}`, HOME: directory }
    const ask = (line: string) => execa(shell, ASK[shell](line, script), { env })
    const { stdout } = await ask('stillroom lock hello --upgrade pip:n')
    const offered = shell === 'bash' ? ['networkx', 'numpy'] : ['pip:networkx', 'pip:numpy']
    expect(stdout.split('\n').sort()).toEqual(offered)
    const asked = await execa('cat', [join(directory, 'asked')])
    expect(asked.stdout).toBe('complete|--|lock|hello|--upgrade|pip:n|')
    await ask('stillroom lock ')
    expect((await execa('cat', [join(directory, 'asked')])).stdout).toBe('complete|--|lock||')
  })
}
