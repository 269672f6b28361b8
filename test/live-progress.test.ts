import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { createServer, type RequestListener } from 'node:http'
import type { AddressInfo } from 'node:net'
import { stripVTControlCharacters } from 'node:util'
import { execa } from 'execa'
import { expect, onTestFinished, test } from 'vitest'
import { makeProject } from './support/project.ts'
import { commandLine, stillroom } from './support/stillroom.ts'

const RECIPE = `import { debian, defineRecipe } from 'stillroom'
export default defineRecipe({ base: debian('trixie') })
`
const script = await execa('script', ['--version'], { reject: false })
if (script.failed) console.warn('skipped: progress in a terminal, since there is no script(1) of util-linux')

/** A project whose only mirror answers as said. */
async function mirrored(answer: RequestListener) {
  const server = createServer(answer).listen(0, '127.0.0.1')
  await once(server, 'listening')
  onTestFinished(() => {
    server.closeAllConnections()
    server.close()
  })
  const mirror = `http://127.0.0.1:${(server.address() as AddressInfo).port}`
  const directory = await makeProject({ 'recipes/one/recipe.ts': RECIPE })
  const env = { STILLROOM_DEBIAN: mirror, STILLROOM_SNAPSHOT: 'none', STILLROOM_OLD_RELEASES: 'none' }
  return { server, mirror, directory, env: { ...env, TERM: 'xterm', CI: '', NO_COLOR: '' } }
}

const missing: RequestListener = (_, response) => {
  response.statusCode = 404
  response.end()
}

/** Locks in a terminal of so many columns, as script(1) of util-linux makes one. */
function lockInTerminal(directory: string, env: Record<string, string>, columns: number, words = '') {
  const command = `stty cols ${columns}; exec ${process.execPath} ${commandLine()} lock recipe one ${words}`
  const child = spawn('script', ['--quiet', '--return', '--flush', '--command', command, '/dev/null'], {
    ...{ cwd: directory, env: { ...process.env, ...env }, stdio: ['pipe', 'pipe', 'inherit'] },
  })
  const shown = { text: '' }
  child.stdout.on('data', (chunk: Buffer) => {
    shown.text += chunk.toString()
  })
  const ended = once(child, 'close').then(() => shown.text.replaceAll('\r\n', '\n'))
  const said = async (text: string) => {
    while (!stripVTControlCharacters(shown.text).includes(text))
      await Promise.race([once(child.stdout, 'data'), ended.then(() => expect.fail(shown.text))])
  }
  return { input: child.stdin, said, ended }
}

const ESC = '\u001b'
/** Each sequence that is used here by itself, text by runs. */
const SEQUENCES = new RegExp(`${ESC}\\[\\d*[a-zA-Z]|[\\r\\n]|[^${ESC}\\r\\n]+`, 'g')

/** What is on the screen at last: lines that were taken back are gone. */
function screen(shown: string): string[] {
  const rows: string[] = ['']
  for (const [part] of shown.matchAll(SEQUENCES)) {
    if (part === `${ESC}[A`) rows.pop()
    else if (part === '\r' || part === `${ESC}[K`) rows[rows.length - 1] = ''
    else if (part === '\n') rows.push('')
    else if (!part.startsWith(ESC)) rows[rows.length - 1] += part
  }
  return rows.slice(0, -1)
}

test.skipIf(script.failed)('a terminal shows what runs and for how long, and is left in order', async () => {
  const { server, directory, env } = await mirrored(() => undefined)
  const asked = once(server, 'request')
  const { input, said, ended } = lockInTerminal(directory, env, 60)
  await asked
  await said('resolving Debian trixie  1 s')
  input.write('\x03')
  const shown = await ended
  expect(shown).toContain('\x1b[36m')
  const lines = screen(shown)
  expect(lines[0]).toMatch(/^- reading recipe one( {2}\d+\.\d s)?$/)
  expect(lines[1]).toMatch(/^x resolving Debian trixie {2}\d+\.\d s$/)
  expect(lines.slice(2)).toEqual(['error: interrupted by SIGINT', '  code: INTERRUPTED'])
})

test.skipIf(script.failed)('a narrow terminal shows as much as it has room for', async () => {
  const { server, directory, env } = await mirrored(() => undefined)
  const asked = once(server, 'request')
  const { input, said, ended } = lockInTerminal(directory, env, 20)
  await asked
  await said('resolving De...')
  input.write('\x03')
  expect(screen(await ended)).toContain('error: interrupted by SIGINT')
})

test.skipIf(script.failed)('an error has lines of its own', async () => {
  const { directory, env, mirror } = await mirrored(missing)
  const { ended } = lockInTerminal(directory, env, 80)
  const lines = screen(await ended)
  expect(lines[1]).toMatch(/^x resolving Debian trixie/)
  expect(lines[2]).toContain(`error: cannot fetch ${mirror}`)
})

/** Which of the suite's indexes is told is a matter of which answer comes first. */
const sameIndex = (text: string) => text.replace(/trixie[^/]*\/InRelease/, 'trixie/InRelease')

test.skipIf(script.failed)('plain lines come where no terminal is, or none is wanted', async () => {
  const { directory, env } = await mirrored(missing)
  const { stderr } = await stillroom(directory, ['lock', 'recipe', 'one'], { env })
  expect(stderr).toMatch(
    /^- reading recipe one\n- resolving Debian trixie\nerror: .*\n(?: {2}hint: .*\n)? {2}code: \w+$/,
  )
  const shown = await lockInTerminal(directory, { ...env, NO_COLOR: '1' }, 80).ended
  expect(sameIndex(shown.trimEnd())).toBe(sameIndex(stderr))
})
