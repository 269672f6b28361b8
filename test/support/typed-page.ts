import { chmod } from 'node:fs/promises'
import { join } from 'node:path'
import { execa } from 'execa'
import { expect } from 'vitest'
import { temporaryDirectory } from '../../src/store/testing/temporary-directory.ts'
import { put } from './project.ts'
import { commandLine } from './stillroom.ts'

/*
 * A page of docs/, done as its reader does it: files are written as the page shows them, and each command is typed. Lines of
 * an answer come in the page's order; `...` stands for any others.
 */

const READER = { name: 'Reader', email: 'reader@example.org' }

type PagePart = { file: string; text: string } | { command: string; answer: string[] }

/** What a page has one do, in order. A block's file is the last name in backticks before it. */
export function partsOf(page: string): PagePart[] {
  const parts: PagePart[] = []
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

/** Variables by which a shell finds stillroom and git knows its user, as a reader has them; gone when the test ends. */
export async function readersEnvironment(): Promise<NodeJS.ProcessEnv> {
  const bin = await temporaryDirectory()
  await put(bin, 'stillroom', `#!/bin/sh\nexec '${process.execPath}' '${commandLine()}' "$@"\n`)
  await chmod(join(bin, 'stillroom'), 0o755)
  return {
    ...{ GIT_AUTHOR_NAME: READER.name, GIT_AUTHOR_EMAIL: READER.email },
    ...{ GIT_COMMITTER_NAME: READER.name, GIT_COMMITTER_EMAIL: READER.email },
    PATH: `${bin}:${process.env.PATH}`,
  }
}

/** Does what a page says, in a directory. A command ends with 0, unless it is named here with what it ends with. */
export async function typePage(
  parts: readonly PagePart[],
  directory: string,
  env: NodeJS.ProcessEnv,
  exitCodes: Record<string, number> = {},
): Promise<void> {
  for (const part of parts) {
    if ('file' in part) await put(directory, part.file, part.text)
    else {
      const { exitCode, stdout, stderr } = await execa('sh', ['-c', part.command], {
        ...{ cwd: directory, env, reject: false, stdin: 'ignore' },
      })
      const told = `${part.command}\n${stdout}\n${stderr}`
      expect(exitCode, told).toBe(exitCodes[part.command] ?? 0)
      if (part.answer.length > 0) expect(answers(stdout, part.answer), told).toBe(true)
    }
  }
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
