import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { chmod, chown, mkdir, readdir, readFile, rm, stat, writeFile } from 'node:fs/promises'
import { type AddressInfo, createServer } from 'node:net'
import { join } from 'node:path'
import { execa } from 'execa'
import { afterAll, afterEach, beforeAll, expect, onTestFinished, test } from 'vitest'
import { defaultCacheDirectory } from '../src/store/cache-directory.ts'
import { makeTaskProject, type OwnProject } from './project/task-project.ts'
import { remoteEngine } from './support/remote-engine.ts'

const STILLROOM = new URL('../bin/run.js', import.meta.url).pathname
const PAGE = "import http.server as h; h.test(h.SimpleHTTPRequestHandler, port=8000, bind='127.0.0.1')"
const FETCH =
  "import urllib.request as u; page = u.urlopen('http://localhost:8000/page').read(); open('/home/hello/shared/fetched', 'wb').write(page)"
const GET = "import sys, urllib.request as u; print(u.urlopen(sys.argv[1]).read().decode(), end='')"

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
    deaf: { command: ['sh', '-c', 'trap "echo no" TERM; echo ready; while :; do sleep 0.1; done'] },
    nowhere: { command: ['true'], workdir: '/nowhere' },
    // listens for other containers, too
    publish: {
      command: ['sh', '-c', `echo published > page; exec python3 -u -m http.server 8000`],
      workdir: '/tmp',
      ports: ['0:8000'],
    },
    get: { command: ['python3', '-c', GET] },
    late: { command: ['python3', '-c', GET, 'http://localhost:8000/page'], waitFor: [{ port: 8000 }] },
    impatient: { command: ['true'], waitFor: [{ port: 8000, timeout: 0 }] },
    env: { command: ['sh', '-c', 'echo "$MOOD|$A|$B|${C-unset}"'] },
    files: { command: ['sh', '-c', 'cat /data/file; echo more >> /data/file'] },
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
  const runs = join(defaultCacheDirectory(process.env), 'runs')
  for (const name of await readdir(runs))
    if (name.startsWith(`${project.name}.`)) await rm(join(runs, name), { recursive: true })
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

test('two containers meet by a published port, and this machine reaches it, too', async () => {
  const serving = await start('publish', 'Serving HTTP')
  const [, port] = /published: 127\.0\.0\.1:(\d+) -> 8000\/tcp/.exec(serving.output.text) ?? []
  const page = `http://127.0.0.1:${port}/page`
  expect(await (await fetch(page)).text()).toBe('published\n')
  const other = await stillroom('run', ['--name', 'client', '--network', 'host', 'get', '--', page])
  expect(other).toMatchObject({ exitCode: 0, stdout: 'published' })
  const same = await stillroom('run', ['get', '--', 'http://localhost:8000/page'])
  expect(same).toMatchObject({ exitCode: 0, stdout: 'published' })
  serving.child.kill('SIGINT')
  await serving.ended
})

test('a port that another program has is an error that names it', async () => {
  const server = createServer().listen(0, '127.0.0.1')
  await once(server, 'listening')
  onTestFinished(() => void server.close())
  const { port } = server.address() as AddressInfo
  const refused = await stillroom('run', ['-p', `${port}:80`, 'say', '--', 'never'])
  expect(refused).toMatchObject({ exitCode: 3, stdout: '' })
  expect(refused.stderr).toContain(`port 127.0.0.1:${port} is taken by another program`)
  expect(refused.stderr).toContain('PORT_TAKEN')
})

test('a published port is for a container that is made for it', async () => {
  const waiting = await start('wait', 'ready')
  const refused = await stillroom('run', ['-p', '0:80', 'say'])
  expect(refused.stderr).toContain('published port: expected 127.0.0.1:0:80/tcp, actual none')
  expect(refused.stderr).toContain('--name other')
  const beside = await stillroom('run', ['-p', '0:80', '--name', 'other', 'say', '--', 'beside'])
  expect(beside).toMatchObject({ exitCode: 0, stdout: 'beside' })
  waiting.child.kill('SIGINT')
  await waiting.ended
  const none = await stillroom('run', ['-p', '80', '--network', 'none', 'say'])
  expect(none).toMatchObject({ exitCode: 2, stderr: expect.stringContaining('USAGE') })
})

test('a task waits until another answers on a port, or says that none does', async () => {
  const waiting = await start('late', 'waiting for port 8000 of localhost, 60 s at most')
  const serving = await start('serve', 'Serving HTTP')
  expect(await waiting.ended).toBe(0)
  expect(waiting.output.text).toContain('\nstill\n')
  // it listens: the wait connects to nobody
  expect(serving.output.text.match(/GET/g)).toHaveLength(1)
  serving.child.kill('SIGINT')
  await serving.ended
  const silent = await stillroom('run', ['impatient'])
  expect(silent).toMatchObject({ exitCode: 3, stdout: '' })
  expect(silent.stderr).toContain('nothing answered at port 8000 within 0 s')
  expect(silent.stderr).toContain('PORT_SILENT')
})

test('Ctrl-C ends a task that waits', async () => {
  const waiting = await start('late', 'waiting for port 8000 of localhost, 60 s at most')
  const asked = performance.now()
  waiting.child.kill('SIGINT')
  expect(await waiting.ended).toBe(3)
  expect(waiting.output.text).toContain('INTERRUPTED')
  expect(performance.now() - asked).toBeLessThan(40_000)
})

test('environment variables come from files and the command line, over those of the image', async () => {
  const file = join(project.directory, 'task.env')
  await writeFile(file, '# ours\nA=from file\nB="b"\nC\n')
  const plain = await stillroom('run', ['env', '--env-file', file])
  expect(plain).toMatchObject({ exitCode: 0, stdout: 'still|from file|"b"|unset', stderr: '' })
  const more = await stillroom('run', ['env', '--env-file', file, '-e', 'A=x y', '--env', 'MOOD='])
  expect(more.stdout).toBe('|x y|"b"|unset')
})

test('a directory of this machine is mounted, to be read alone or written, too', async () => {
  const data = join(project.directory, 'data')
  await mkdir(data)
  await writeFile(join(data, 'file'), 'content\n', { mode: 0o666 })
  await chmod(join(data, 'file'), 0o666)
  const readOnly = await stillroom('run', ['--mount', `${data}:/data:ro`, 'files'])
  expect(readOnly).toMatchObject({ stdout: 'content', stderr: expect.stringContaining('Read-only') })
  const writable = await stillroom('run', ['--mount', `${data}:/data`, 'files'])
  expect(writable).toMatchObject({ exitCode: 0, stdout: 'content' })
  expect(await readFile(join(data, 'file'), 'utf8')).toBe('content\nmore\n')
  const missing = await stillroom('run', ['--mount', `${data}/none:/data`, 'files'])
  expect(missing).toMatchObject({ exitCode: 2, stderr: expect.stringContaining('ENOENT') })
})

test('an engine that has no GPU says so', async ({ skip }) => {
  const { stdout } = await execa('docker', ['info', '--format', '{{json .Runtimes}} {{json .CDISpecDirs}}'])
  if (stdout.includes('nvidia')) return skip('this engine has GPUs')
  const refused = await stillroom('run', ['--gpus', 'all', 'say'])
  expect(refused).toMatchObject({ exitCode: 3, stderr: expect.stringContaining('has no GPU to give') })
})

test("a folder of root's that tasks cannot write says how to change that", async ({ skip }) => {
  if (process.getuid?.() !== 0) return skip('needs root')
  const shared = join(project.directory, 'of-root')
  await mkdir(shared)
  const refused = await stillroom('run', ['--shared', shared, 'whoami'])
  const [, command = ''] = /to change that: (.+)/.exec(refused.stderr) ?? []
  expect(command).toBe(`chown 1000:1000 ${shared}`)
  await execa('sh', ['-c', command])
  expect(await stillroom('run', ['--shared', shared, 'whoami'])).toMatchObject({ exitCode: 0, stderr: '' })
})

test('a task in the background: ps, logs, stop', async () => {
  const started = await stillroom('run', ['--detach', 'publish', '--json'])
  const { detached } = JSON.parse(started.stdout)
  expect(started).toMatchObject({ exitCode: 0 })
  const [, port] = /^127\.0\.0\.1:(\d+) -> 8000\/tcp$/.exec(detached.ports[0]) ?? []
  const own = ['--wait-for', '8000', 'get', '--', 'http://localhost:8000/page']
  expect(await stillroom('run', own)).toMatchObject({ exitCode: 0, stdout: 'published' })
  expect(await (await fetch(`http://127.0.0.1:${port}/page`)).text()).toBe('published\n')

  const again = await stillroom('run', ['-d', 'publish'])
  expect(again).toMatchObject({ exitCode: 3, stderr: expect.stringContaining('CONTAINER_BUSY') })
  const list = await execa(process.execPath, [STILLROOM, 'ps', '--json'])
  const { tasks, containers: running } = JSON.parse(list.stdout)
  const ofProject = tasks.filter(({ recipe }: { recipe: string }) => recipe === project.name)
  expect(ofProject).toMatchObject([{ task: 'publish', state: 'running', ports: detached.ports }])
  expect(running).toContainEqual(
    expect.objectContaining({ recipe: project.name, network: 'bridge', ports: detached.ports }),
  )
  expect((await stillroom('logs', [])).stdout).toMatch(/"GET \/page HTTP\/1\.1" 200/)

  const stopped = await stillroom('stop', [])
  expect(stopped).toMatchObject({ exitCode: 0, stdout: 'publish ended with exit code 143' })
  expect((await stillroom('logs', ['publish', '--json'])).stdout).toContain('"state": "ended"')
  expect(await stillroom('stop', ['publish'])).toMatchObject({ exitCode: 0, stdout: 'none of them runs' })
})

test('a task in the background that ignores SIGTERM is killed; logs --follow ends with it', async () => {
  await stillroom('run', ['-d', 'deaf'])
  const following = stillroom('logs', ['deaf', '--follow'])
  const { stdout } = await stillroom('stop', ['deaf', '--timeout', '1'])
  expect(stdout).toBe('deaf ended with exit code 137')
  expect((await following).stdout).toMatch(/^ready\n/)
})

test('two containers of one task, in the background', async () => {
  for (const name of ['one', 'two']) await stillroom('run', ['-d', '--name', name, 'wait'])
  expect(await containers()).toHaveLength(2)
  const which = await stillroom('logs', ['wait'])
  expect(which).toMatchObject({ exitCode: 2, stderr: expect.stringContaining('several tasks') })
  expect((await stillroom('stop', ['wait', '--name', 'one', '--timeout', '0'])).exitCode).toBe(0)
  expect(await containers()).toHaveLength(1)
  await stillroom('stop', ['wait', '--timeout', '0'])
})

test('what keeps a task from running in the background is the error of the command', async () => {
  const silent = await stillroom('run', ['-d', '--network', 'no-such-network', 'say'])
  expect(silent).toMatchObject({ exitCode: 3, stdout: '' })
  expect(silent.stderr).toContain('no-such-network')
  const unknown = await stillroom('logs', ['say'])
  expect(unknown).toMatchObject({ exitCode: 2, stderr: expect.stringContaining('RECIPE_TASK_UNKNOWN') })
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
  const env = { DOCKER_HOST: await remoteEngine() }
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
