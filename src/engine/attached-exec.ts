import type { Readable, Writable } from 'node:stream'
import { setTimeout } from 'node:timers/promises'
import type Docker from 'dockerode'
import { demultiplex, type Piece } from './demultiplex.ts'

/** What a command in a container reads from and writes to. */
export interface Terminal {
  /** None for a process in the background of its terminal: reading would stop it. */
  input: (Readable & { setRawMode?: (raw: boolean) => unknown }) | undefined
  output: Writable & { columns?: number; rows?: number }
  errors: Writable
  /** Whether both are a terminal: then the command gets one, too, and Ctrl-C goes through it. */
  tty: boolean
}

export interface AttachedCommand {
  command: string[]
  user?: string | undefined
  env?: Record<string, string>
  terminal: Terminal
  /** Called when the command runs. */
  onStart?: () => void
  /** Called when nobody reads what it writes any more. */
  onUnread?: () => void
}

/** Docker's own sequence, Ctrl-P Ctrl-Q, would swallow a shell's Ctrl-P until the next key. */
const DETACH_KEYS = 'ctrl-^,ctrl-^,ctrl-^,ctrl-^'

/**
 * Runs a command in a running container, with the streams of a terminal as its own, until it ends.
 *
 * @returns its exit code
 */
export async function attachedExec(container: Docker.Container, options: AttachedCommand): Promise<number> {
  const { command, user, env = {}, terminal, onStart } = options
  const { input, output, tty } = terminal
  const exec = await container.exec({
    Cmd: command,
    ...(user === undefined ? {} : { User: user }),
    WorkingDir: '/',
    Env: Object.entries(env).map(([name, value]) => `${name}=${value}`),
    AttachStdin: input !== undefined,
    AttachStdout: true,
    AttachStderr: true,
    Tty: tty,
    DetachKeys: DETACH_KEYS,
    ...(tty && output.rows && output.columns ? { ConsoleSize: [output.rows, output.columns] } : {}),
  })
  const stream = await exec.start({ hijack: true, stdin: input !== undefined, Tty: tty })
  onStart?.()
  const resize = () => void exec.resize({ h: output.rows ?? 24, w: output.columns ?? 80 }).catch(() => {})
  if (tty) {
    output.on('resize', resize)
    input?.setRawMode?.(true)
  }
  // A task may end without having read all of its input
  stream.on('error', () => {})
  input?.pipe(stream)
  try {
    await copy(stream as unknown as AsyncIterable<Buffer>, options)
  } finally {
    input?.unpipe(stream)
    if (tty) {
      output.off('resize', resize)
      input?.setRawMode?.(false)
    }
    input?.destroy()
  }
  return exitCodeOf(exec)
}

async function copy(stream: AsyncIterable<Buffer>, { terminal, onUnread }: AttachedCommand): Promise<void> {
  const { output, errors, tty } = terminal
  const unread = new Set<Writable>()
  const ignore = () => {}
  for (const target of [output, errors]) target.on('error', ignore)
  for await (const { from, bytes } of tty ? whole(stream) : demultiplex(stream)) {
    const target = from === 'stdout' ? output : errors
    if (unread.has(target) || (await write(target, bytes))) continue
    unread.add(target)
    onUnread?.()
  }
  for (const target of [output, errors]) target.off('error', ignore)
}

/** @returns false when nobody reads it: a pipe into a program that has ended */
function write(target: Writable, bytes: Buffer): Promise<boolean> {
  return new Promise((resolve) => target.write(bytes, (error) => resolve(!error)))
}

/** Of a terminal there is one stream. */
async function* whole(stream: AsyncIterable<Buffer>): AsyncGenerator<Piece> {
  for await (const bytes of stream) yield { from: 'stdout', bytes }
}

/**
 * Exit code of a command whose streams have ended: the engine may close them a moment before it notes the end, and a
 * command may close them itself.
 */
export async function exitCodeOf(exec: Docker.Exec): Promise<number> {
  for (let wait = 10; ; wait = Math.min(wait * 2, 500)) {
    const { Running, ExitCode } = await exec.inspect()
    if (!Running && ExitCode !== null) return ExitCode
    await setTimeout(wait)
  }
}
