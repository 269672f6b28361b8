import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { execa } from 'execa'

const BIN_ENGINE = join(import.meta.dirname, '../../bin/engine')

/** Whether this machine can have private engines: Linux, root and apt, as for bin/engine. */
export async function canHaveEngines(): Promise<string | true> {
  if (process.platform !== 'linux') return 'this is not Linux'
  if (process.getuid?.() !== 0) return 'this is not root'
  const apt = await execa('sh', ['-c', 'command -v apt-get'], { reject: false })
  return apt.exitCode === 0 || 'there is no apt-get'
}

/** A private engine with a name of its own. */
export interface PrivateEngine {
  /** Environment in which docker and stillroom use it. */
  env: Record<string, string>
  /** Its first process, of which dockerd is a child. */
  pid: () => Promise<number>
  /** Kills its daemon, as a crash would. */
  kill: () => Promise<void>
  /** Ends it, with all it holds. */
  purge: () => Promise<void>
}

export async function startEngine(name: string, store: 'overlay2' | 'containerd'): Promise<PrivateEngine> {
  await execa(BIN_ENGINE, ['up', '--name', name, '--store', store], { stdout: 'inherit', stderr: 'inherit' })
  const { stdout } = await execa('sh', [
    '-c',
    'eval "$("$1" env --name "$2")"; env -0',
    'sh',
    BIN_ENGINE,
    name,
  ])
  const entries = stdout.split('\0').map((line) => line.split(/=(.*)/s) as [string, string])
  const env = Object.fromEntries(
    entries.filter(([key]) => ['DOCKER_HOST', 'DOCKER_CONFIG', 'PATH'].includes(key)),
  )
  const purge = async () => {
    await execa(BIN_ENGINE, ['down', '--name', name, '--purge'])
  }
  const pid = async () => {
    const socket = (env['DOCKER_HOST'] as string).slice('unix://'.length)
    const [first] = (await readFile(join(socket, '../pid'), 'utf8')).split(' ')
    return Number(first)
  }
  const kill = async () => {
    process.kill(await pid(), 'SIGKILL')
  }
  return { env, pid, kill, purge }
}
