import { chmod, readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { execa } from 'execa'
import { expect, onTestFinished, test } from 'vitest'
import { temporaryDirectory } from '../src/store/testing/temporary-directory.ts'
import { NIGHTLY } from './support/nightly.ts'
import { makeProject, put } from './support/project.ts'
import { commandLine } from './support/stillroom.ts'

/*
 * docs/introduction.md, done as its reader does it: files are written as the page shows them, and each command is typed. Lines of
 * an answer come in the page's order; `...` stands for any others.
 */

const PAGE = join(import.meta.dirname, '../docs/introduction.md')
const READER = { name: 'Reader', email: 'reader@example.org' }

type Part = { file: string; text: string } | { command: string; answer: string[] }

/** What the page has one do, in order. A block's file is the last name in backticks before it. */
function partsOf(page: string): Part[] {
  const parts: Part[] = []
  for (const [, before = '', language, text = ''] of page.matchAll(/([^\n]*)\n\n```(\w+)\n(.*?)```/gs)) {
    if (language === 'console') {
      for (const [command = '', ...answer] of text
        .split(/^\$ /m)
        .slice(1)
        .map((block) => block.trim().split('\n')))
        parts.push({ command, answer })
    } else {
      const file = before.match(/`([^`\s]+\.\w+)`[^`]*$/)?.[1]
      if (file === undefined) throw new Error(`a block of the page has no file: ${before}`)
      parts.push({ file, text })
    }
  }
  return parts
}

/** Whether lines come in this order, with any others where it has `...`. */
function answers(printed: string, expected: readonly string[]): boolean {
  const escaped = expected.map((line) =>
    line === '...' ? '(?:.*\n)*?' : `${line.replace(/[.*+?^${}()|[\]\\]/g, '\\$&')} *\n`,
  )
  return new RegExp(`^${escaped.join('')}$`).test(
    printed === '' || printed.endsWith('\n') ? printed : `${printed}\n`,
  )
}

if (!NIGHTLY)
  console.warn('skipped: the introduction as its reader does it, which takes three minutes, at night')

test.runIf(NIGHTLY)('the introduction works as it is written', async () => {
  const parts = partsOf(await readFile(PAGE, 'utf8'))
  expect(parts.filter((part) => 'file' in part)).toHaveLength(3)
  const directory = await makeProject()
  const bin = await temporaryDirectory()
  await put(bin, 'stillroom', `#!/bin/sh\nexec '${process.execPath}' '${commandLine()}' "$@"\n`)
  const env = {
    ...{ GIT_AUTHOR_NAME: READER.name, GIT_AUTHOR_EMAIL: READER.email },
    ...{ GIT_COMMITTER_NAME: READER.name, GIT_COMMITTER_EMAIL: READER.email },
    PATH: `${bin}:${process.env.PATH}`,
  }
  await chmod(join(bin, 'stillroom'), 0o755)
  onTestFinished(async () => {
    await execa('stillroom', ['stop', 'recipe', 'flow'], { cwd: directory, env, reject: false })
    await execa('docker', ['image', 'rm', '--force', 'stillroom/flow'], { reject: false })
  })
  for (const part of parts) {
    if ('file' in part) await put(directory, part.file, part.text)
    else {
      const { exitCode, stdout, stderr } = await execa('sh', ['-c', part.command], {
        cwd: directory,
        env,
        reject: false,
        stdin: 'ignore',
      })
      expect(exitCode, `${part.command}\n${stdout}\n${stderr}`).toBe(0)
      if (part.answer.length > 0)
        expect(answers(stdout, part.answer), `${part.command}\n${stdout}\n${stderr}`).toBe(true)
    }
  }
})
