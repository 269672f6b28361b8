import { execa } from 'execa'
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { definitionFile } from './definition-file.ts'
import { environmentLines, runLines, type SifSettings, sifFiles } from './sif-files.ts'

const PLAIN: SifSettings = { env: {}, workdir: '', entrypoint: null, cmd: null, labels: {}, tasks: {} }
const sh = async (lines: readonly string[], args: readonly string[] = []) => {
  const { stdout } = await execa('sh', ['-c', lines.join('\n'), 'sh', ...args], { stripFinalNewline: false })
  return stdout
}
/** A command that prints its arguments. */
const PRINT = ['printf', '<%s>']

describe('runLines()', () => {
  test.each([
    ['the command', { cmd: [...PRINT, 'a b'] }, [], '<a b>'],
    ['arguments in its place', { cmd: ['false'] }, [...PRINT, '1'], '<1>'],
    ['an entrypoint with the command', { entrypoint: PRINT, cmd: ['x'] }, [], '<x>'],
    ['an entrypoint with arguments', { entrypoint: PRINT, cmd: ['x'] }, ['y', ''], '<y><>'],
    ['an entrypoint alone', { entrypoint: [...PRINT, 'only'] }, [], '<only>'],
  ])('runs as an engine does: %s', async (_, settings, args, expected) => {
    expect(await sh(runLines({ ...PLAIN, ...settings }), args)).toBe(expected)
  })

  test('goes to the working directory first', async () => {
    expect(await sh(runLines({ ...PLAIN, workdir: '/usr/bin', cmd: ['pwd'] }))).toBe('/usr/bin\n')
    const lines = runLines({ ...PLAIN, workdir: '/not there', cmd: ['pwd'] })
    const { stdout, stderr } = await execa('sh', ['-c', lines.join('\n')], { cwd: '/' })
    expect([stdout, stderr]).toEqual(['/', "stays in /: /not there can't be entered"])
  })

  test('passes any words on as they are', async () => {
    const word = fc.string({ unit: 'binary', maxLength: 20 }).filter((text) => !text.includes('\0'))
    await fc.assert(
      fc.asyncProperty(fc.array(word, { minLength: 1, maxLength: 4 }), async (words) => {
        const expected = words.map((text) => `<${text}>`).join('')
        expect(await sh(runLines({ ...PLAIN, cmd: [...PRINT, ...words] }))).toBe(expected)
      }),
      { numRuns: 50 },
    )
  })
})

describe('environmentLines()', () => {
  test('sets variables to what they are, whatever the host has', async () => {
    const value = `$HOME "x" 'y' \`z\` \\ end`
    const lines = environmentLines({ env: { VALUE: value } })
    expect(await sh([...lines, 'printf %s "$VALUE$PYTHONNOUSERSITE"'])).toBe(`${value}1`)
  })

  test('leaves the home to the user', () => {
    expect(environmentLines({ env: { HOME: '/home/me', A: '1' } })).toEqual([
      'export A=1',
      'export PYTHONNOUSERSITE=1',
    ])
  })

  test('leaves to the recipe whether Python looks into a home', () => {
    expect(environmentLines({ env: { PYTHONNOUSERSITE: '' } })).toEqual([`export PYTHONNOUSERSITE=''`])
  })
})

describe('sifFiles()', () => {
  const tasks = { train: { command: [...PRINT, 'x'] }, serve: { command: ['serve'], workdir: '/srv' } }

  test('has directories before what is in them, and an app for each task', async () => {
    const files = sifFiles({ ...PLAIN, labels: { b: '1', a: '2' }, tasks })
    for (const { path } of files) {
      const parent = path.slice(0, Math.max(0, path.lastIndexOf('/')))
      const before = files.slice(
        0,
        files.findIndex((file) => file.path === path),
      )
      if (parent !== '') expect(before.map((file) => file.path)).toContain(parent)
    }
    const text = (path: string) => files.find((file) => file.path === path)?.content.toString() ?? ''
    expect(text('.singularity.d/labels.json')).toBe('{\n  "a": "2",\n  "b": "1"\n}\n')
    expect(text('scif/apps/serve/scif/runscript')).toBe(
      '#!/bin/sh\ncd /srv 2>/dev/null || echo "stays in $PWD: "/srv" can\'t be entered" >&2\nexec serve "$@"\n',
    )
    expect(await sh([text('scif/apps/train/scif/runscript')], ['y'])).toBe('<x><y>')
  })

  test('has the file after which Apptainer sets what it is told', () => {
    const scripts = sifFiles(PLAIN).filter(({ path }) => path.startsWith('.singularity.d/env/'))
    expect(scripts.map(({ path }) => path)).toEqual([
      '.singularity.d/env/90-environment.sh',
      '.singularity.d/env/99-base.sh',
    ])
  })

  test('is the same in whatever order settings come', () => {
    const turned = (record: object) => Object.fromEntries(Object.entries(record).reverse())
    const settings = { ...PLAIN, env: { B: '1', A: '2' }, labels: { y: '', x: '' }, tasks }
    const other = {
      ...settings,
      env: turned(settings.env),
      labels: turned(settings.labels),
      tasks: turned(tasks),
    }
    expect(sifFiles(other as SifSettings)).toEqual(sifFiles(settings))
  })
})

test('definitionFile() is as Apptainer 1.4 builds it', () => {
  const settings = {
    ...PLAIN,
    cmd: ['hello'],
    labels: { title: 'x' },
    tasks: { train: { command: ['train'] } },
  }
  expect(definitionFile(settings, { recipe: 'hello', image: 'sha256:0' })).toMatchInlineSnapshot(`
    "# Recipe hello, image sha256:0
    # stillroom save recipe hello hello.tar && sha256sum --check hello.tar.sha256
    # mkdir hello && tar --extract --file hello.tar --directory hello
    # apptainer build hello.sif hello.def
    Bootstrap: oci
    From: hello

    %environment
        export PYTHONNOUSERSITE=1

    %runscript
        [ $# -gt 0 ] || set -- hello
        exec "$@"

    %apprun train
        exec train "$@"

    %labels
        title x
    "
  `)
})
