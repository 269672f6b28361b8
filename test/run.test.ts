import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { chown, mkdir, readFile, rm, stat, writeFile } from 'node:fs/promises'
import { type AddressInfo, connect, createServer } from 'node:net'
import { join } from 'node:path'
import { execa } from 'execa'
import { afterAll, afterEach, beforeAll, expect, onTestFinished, test } from 'vitest'
import { makeTaskProject, type OwnProject } from './project/task-project.ts'

const STILLROOM = new URL('../bin/run.js', import.meta.url).pathname
const PAGE = "import http.server as h; h.test(h.SimpleHTTPRequestHandler, port=8000, bind='127.0.0.1')"
const FETCH =
  "import urllib.request as u; page = u.urlopen('http://localhost:8000/page').read(); open('/home/hello/shared/fetched', 'wb').write(page)"

let project: OwnProject

beforeAll(async () => {
  project = await makeTaskProject({
    serve: {
      description: 'Serve /tmp',
      command: ['sh', '-c', `echo still > page; exec python3 -u -c "${PAGE}"`],
      workdir: '/tmp',
    },
    fetch: { description: 'Fetch the page', command: ['python3', '-c', FETCH] },
    say: { command: ['printf', '%s\\n'] },
    complain: { command: ['sh', '-c', 'echo complaint >&2; exit "$1"', 'sh'] },
    cat: { command: ['cat'] },
    whoami: {
      command: ['sh', '-c', 'whoami; echo "$HOME $MOOD"; id -u; touch "$HOME/mine" "$HOME/shared/mine"'],
    },
    wait: {
      command: ['sh', '-c', 'trap "echo trapped; exit 42" INT; echo ready; while :; do sleep 0.1; done'],
    },
    stubborn: { command: ['sh', '-c', 'trap "echo ignored" INT; echo ready; while :; do sleep 0.1; done'] },
    terminal: { command: ['sh', '-c', 'test -t 0 && test -t 1 && test -t 2 && stty size && echo "$TERM"'] },
    nowhere: { command: ['true'], workdir: '/nowhere' },
    lost: { command: ['no-such-program'] },
  })
  await stillroom('generate', [])
  const built = await stillroom('build', [])
  expect(built.stderr + built.stdout).toContain('recorded: the first build of this lock')
})

afterEach(async () => {
  expect(await containers()).toEqual([])
})

afterAll(async () => {
  if (!project) return
  await execa('docker', ['image', 'rm', '--force', `stillroom/${project.name}`])
  await project[Symbol.asyncDispose]()
})

function words(verb: string, args: string[]): string[] {
  return [STILLROOM, verb, 'recipe', '--directory', project.directory, project.name, ...args]
}

function stillroom(verb: string, args: string[], input = '') {
  return execa(process.execPath, words(verb, args), { reject: false, input, timeout: 600_000 })
}

/** A command that goes on; with what it has said until `text` appears in it. */
async function start(task: string, text: string) {
  const child = spawn(process.execPath, words('run', [task]), { stdio: ['ignore', 'pipe', 'pipe'] })
  const ended = once(child, 'close') as Promise<[number | null]>
  const output = { text: '' }
  const found = new Promise<void>((resolve, reject) => {
    const read = (chunk: Buffer) => {
      output.text += chunk.toString()
      if (output.text.includes(text)) resolve()
    }
    child.stdout.on('data', read)
    child.stderr.on('data', read)
    void ended.then(() => reject(new Error(`"${task}" ended early: ${output.text}`)))
  })
  await found
  return { child, ended: ended.then(([code]) => code), output }
}

async function containers(): Promise<string[]> {
  const { stdout } = await execa('docker', [
    'ps',
    '--all',
    '--quiet',
    '--filter',
    `label=stillroom.recipe=${project.name}`,
  ])
  return stdout === '' ? [] : stdout.split('\n')
}

test('run passes arguments, output and exit code through, and adds nothing', async () => {
  const said = await stillroom('run', ['say', '--', 'one', 'two words', '--json', '$HOME'])
  expect(said).toMatchObject({ exitCode: 0, stdout: 'one\ntwo words\n--json\n$HOME', stderr: '' })
  const failed = await stillroom('run', ['complain', '--', '7'])
  expect(failed).toMatchObject({ exitCode: 7, stdout: '', stderr: 'complaint' })
})

test('run gives a task its standard input', async () => {
  const text = 'x'.repeat(3_000_000)
  const { stdout, exitCode } = await stillroom('run', ['cat'], text)
  expect(exitCode).toBe(0)
  expect(stdout === text).toBe(true)
})

test('run --json prints one object, and the task writes to standard error', async () => {
  const { stdout, stderr, exitCode } = await stillroom('run', ['--json', 'say', '--', 'hello'])
  expect(JSON.parse(stdout)).toEqual({ recipe: project.name, task: 'say', exitCode: 0 })
  expect({ stderr, exitCode }).toEqual({ stderr: 'hello', exitCode: 0 })
})

test('run says like a shell that a program or a directory is not there', async () => {
  expect(await stillroom('run', ['lost'])).toMatchObject({
    exitCode: 127,
    stderr: expect.stringContaining('no-such-program'),
  })
  expect(await stillroom('run', ['nowhere'])).toMatchObject({
    exitCode: 126,
    stderr: expect.stringContaining('/nowhere'),
  })
})

test('run lists the tasks when there is none by that name', async () => {
  const { exitCode, stderr, stdout } = await stillroom('run', ['serv'])
  expect({ exitCode, stdout }).toEqual({ exitCode: 2, stdout: '' })
  expect(stderr).toContain('there is no task "serv"')
  expect(stderr).toMatch(/serve +Serve \/tmp/)
  expect(stderr).toContain('RECIPE_TASK_UNKNOWN')
})

test("two tasks meet on localhost; what one writes to the shared folder is the user's", async () => {
  const serving = await start('serve', 'Serving HTTP')
  const [one] = await containers()
  const fetched = await stillroom('run', ['fetch'])
  expect(fetched).toMatchObject({ exitCode: 0, stdout: '', stderr: '' })
  expect(await containers()).toEqual([one])
  const written = join(project.directory, 'shared', 'fetched')
  expect(await readFile(written, 'utf8')).toBe('still\n')
  const me = process.getuid?.() ?? 0
  expect((await stat(written)).uid).toBe(me === 0 ? 1000 : me)
  serving.child.kill('SIGINT')
  await serving.ended
})

test("Ctrl-C is the task's, which decides how it ends", async () => {
  const waiting = await start('wait', 'ready')
  waiting.child.kill('SIGINT')
  expect(await waiting.ended).toBe(42)
  expect(waiting.output.text).toBe('ready\ntrapped\n')
})

test('the third Ctrl-C kills a task that will not end', async () => {
  const running = await start('stubborn', 'ready')
  for (const count of [1, 2]) {
    const answered = (async () => {
      while (running.output.text.split('ignored').length <= count) await once(running.child.stdout, 'data')
    })()
    running.child.kill('SIGINT')
    await answered
  }
  running.child.kill('SIGINT')
  expect(await running.ended).toBe(137)
})

test('a killed stillroom leaves no task and no container behind', async () => {
  const waiting = await start('wait', 'ready')
  const [id] = await containers()
  waiting.child.kill('SIGKILL')
  await waiting.ended
  await untilDestroyed(id as string)
})

/** Events of the past are told first, so that none is missed. */
async function untilDestroyed(id: string): Promise<void> {
  const events = spawn('docker', [
    'events',
    '--since',
    '5m',
    '--filter',
    `container=${id}`,
    '--filter',
    'event=destroy',
  ])
  await once(events.stdout, 'data')
  events.kill()
  await once(events, 'close')
}

test('tasks that start at the same moment share one container', async () => {
  const waiting = await Promise.all([1, 2, 3, 4].map(() => start('wait', 'ready')))
  expect(await containers()).toHaveLength(1)
  for (const { child } of waiting) child.kill('SIGINT')
  expect(await Promise.all(waiting.map(({ ended }) => ended))).toEqual([42, 42, 42, 42])
})

test('a container of another set-up is not joined while it is used', async () => {
  const waiting = await start('wait', 'ready')
  const refused = await stillroom('run', ['--network', 'bridge', 'say'])
  expect(refused.exitCode).toBe(3)
  expect(refused.stderr).toContain('network: expected bridge, actual none')
  expect(refused.stderr).toContain('CONTAINER_BUSY')
  waiting.child.kill('SIGINT')
  expect(await waiting.ended).toBe(42)
})

test('tasks work as the owner of the shared folder', async ({ skip }) => {
  if (process.getuid?.() !== 0) return skip('only root can give a folder away')
  const shared = join(project.directory, 'mine')
  await mkdir(shared)
  await chown(shared, 4321, 4322)
  const { stdout, stderr } = await stillroom('run', ['--shared', shared, 'whoami'])
  expect({ stdout, stderr }).toEqual({ stdout: 'hello\n/home/hello still\n4321', stderr: '' })
  expect(await stat(join(shared, 'mine'))).toMatchObject({ uid: 4321, gid: 4322 })
  await rm(shared, { recursive: true })
})

test("shell runs what standard input says, as the recipe's user", async () => {
  const { stdout, exitCode } = await stillroom('shell', [], 'whoami; pwd; exit 5\n')
  expect({ stdout, exitCode }).toEqual({ stdout: 'hello\n/home/hello', exitCode: 5 })
})

/** Runs a task in a terminal of 30 rows and 100 columns, as script(1) of util-linux makes one, until it ends. */
function inTerminal(task: string) {
  const command = ['stty rows 30 cols 100; exec', process.execPath, ...words('run', [task])].join(' ')
  const child = spawn('script', ['--quiet', '--return', '--flush', '--command', command, '/dev/null'], {
    env: { ...process.env, TERM: 'xterm-test' },
    stdio: ['pipe', 'pipe', 'inherit'],
  })
  const output = { text: '' }
  child.stdout.on('data', (chunk: Buffer) => {
    output.text += chunk.toString()
  })
  const ended = once(child, 'close') as Promise<[number | null]>
  const said = async (text: string) => {
    while (!output.text.includes(text)) await Promise.race([once(child.stdout, 'data'), ended])
  }
  return { input: child.stdin, output, said, ended: ended.then(([code]) => code) }
}

const script = await execa('script', ['--version'], { reject: false })
if (script.failed) console.warn('skipped: tasks in a terminal, since there is no script(1) of util-linux')

test.skipIf(script.failed)('a task has the terminal that stillroom has, of its size', async () => {
  const { ended, output } = inTerminal('terminal')
  expect(await ended, output.text).toBe(0)
  expect(output.text).toMatch(/^30 100\r+\nxterm-test\r+\n$/)
})

test.skipIf(script.failed)('Ctrl-C in a terminal goes through it to the task', async () => {
  const { input, said, ended, output } = inTerminal('wait')
  await said('ready')
  input.write('\x03')
  expect(await ended, output.text).toBe(42)
  expect(output.text).toContain('trapped')
})

test('an engine of another machine shares no folder, and runs tasks without', async () => {
  const socket = (process.env.DOCKER_HOST ?? 'unix:///var/run/docker.sock').replace('unix://', '')
  const server = createServer({ allowHalfOpen: true }, (client) => {
    const engine = connect({ path: socket, allowHalfOpen: true })
    client.pipe(engine).pipe(client)
    for (const end of [client, engine]) end.on('error', () => {})
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  onTestFinished(() => void server.close())
  const env = { DOCKER_HOST: `tcp://127.0.0.1:${(server.address() as AddressInfo).port}` }
  const there = (...args: string[]) =>
    execa(process.execPath, words('run', args), { reject: false, stdin: 'ignore', env })
  expect(await there('say')).toMatchObject({ exitCode: 3, stderr: expect.stringContaining('SHARED_REMOTE') })
  expect(await there('--no-shared', 'say', '--', 'hello')).toMatchObject({ exitCode: 0, stdout: 'hello' })
})

test('run says how to get the image when the engine lacks it', async () => {
  const lock = join(project.directory, 'recipes', project.name, 'lock.json')
  const text = await readFile(lock, 'utf8')
  const other = `sha256:${'0'.repeat(64)}`
  await writeFile(lock, text.replace(/("image": \{\s*"id": )"[^"]*"/, `$1"${other}"`))
  const { exitCode, stderr } = await stillroom('run', ['say'])
  await writeFile(lock, text)
  expect(exitCode).toBe(3)
  expect(stderr).toContain(`lacks image ${other}`)
  expect(stderr).toContain(`stillroom build recipe ${project.name}`)
  expect(stderr).toContain('IMAGE_MISSING')
})

test('doctor says what is there, and what follows from it', async () => {
  const healthy = await execa(process.execPath, [STILLROOM, 'doctor', '--json'], { reject: false })
  expect(JSON.parse(healthy.stdout)).toMatchObject({ ok: true })
  expect(healthy.exitCode).toBe(0)
  const env = { DOCKER_HOST: 'unix:///nonexistent/docker.sock' }
  const ill = await execa(process.execPath, [STILLROOM, 'doctor'], { reject: false, env })
  expect(ill.exitCode).toBe(3)
  expect(ill.stdout).toMatch(/^missing +Docker Engine/m)
})
