import { mkdir, mkdtemp, readdir, rename, rm, stat, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { execa } from 'execa'
import { onTestFinished } from 'vitest'
import { TEST_PROGRAMS } from './test-programs.ts'

const PACKAGES = ['skopeo', 'podman']

/** skopeo and podman of this machine's Debian, which are not installed in it. */
export interface ContainerTools {
  skopeo(...args: string[]): Promise<string>
  /** With a storage of its own. */
  podman(...args: string[]): Promise<string>
}

/**
 * The packages with all that this machine lacks of them, unpacked beside the other programs that tests need.
 *
 * @returns why there are none, where apt has none
 */
export async function containerTools(): Promise<ContainerTools | string> {
  const root = join(TEST_PROGRAMS, 'container-tools')
  if (!(await stat(root).catch(() => undefined))) {
    const problem = await unpackPackages(root).catch((error: Error) => error.message.split('\n')[0] ?? '')
    if (problem !== undefined) return problem
  }
  const home = await mkdtemp(join(tmpdir(), 'stillroom-containers-'))
  onTestFinished(() => rm(home, { recursive: true, force: true }))
  const policy = join(home, '.config/containers/policy.json')
  await mkdir(dirname(policy), { recursive: true })
  await writeFile(policy, '{ "default": [{ "type": "insecureAcceptAnything" }] }\n')
  const bin = join(root, 'usr/bin')
  const env = {
    HOME: home,
    // that of the engine under test: podman wants it to have logins in it
    DOCKER_CONFIG: undefined,
    PATH: `${bin}:${process.env.PATH}`,
    LD_LIBRARY_PATH: (await libraryDirectories(root)).join(':'),
  }
  const run = async (program: string, args: string[]) =>
    (await execa(join(bin, program), args, { env, stdin: 'ignore' })).stdout
  const storage = [
    ...['--root', join(home, 'root'), '--runroot', join(home, 'run'), '--tmpdir', join(home, 'tmp')],
    ...['--storage-driver', 'vfs', '--cgroup-manager', 'cgroupfs'],
    ...['--conmon', join(bin, 'conmon'), '--runtime', join(bin, 'crun')],
  ]
  return {
    skopeo: (...args) => run('skopeo', ['--policy', policy, ...args]),
    podman: (...args) => run('podman', [...storage, ...args]),
  }
}

async function unpackPackages(root: string): Promise<string | undefined> {
  const simulated = ['install', '--simulate', '--no-install-recommends', ...PACKAGES]
  const { stdout } = await execa('apt-get', simulated)
  const names = [...stdout.matchAll(/^Inst (\S+)/gm)].map(([, name = '']) => name)
  const lacking = PACKAGES.filter((name) => !names.includes(name))
  if (lacking.length > 0) return `apt installs nothing for ${lacking.join(', ')}, which are here already`
  await mkdir(dirname(root), { recursive: true })
  const scratch = await mkdtemp(`${root}-`)
  try {
    await execa('apt-get', ['download', ...names], { cwd: scratch })
    for (const deb of await readdir(scratch))
      await execa('dpkg-deb', ['--extract', join(scratch, deb), join(scratch, 'root')])
    await rename(join(scratch, 'root'), root)
  } finally {
    await rm(scratch, { recursive: true, force: true })
  }
  return undefined
}

async function libraryDirectories(root: string): Promise<string[]> {
  const lib = join(root, 'usr/lib')
  const below = await readdir(lib, { withFileTypes: true })
  return below.filter((each) => each.isDirectory()).map(({ name }) => join(lib, name))
}
