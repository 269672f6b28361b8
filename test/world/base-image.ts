import { existsSync } from 'node:fs'
import { mkdir, readFile, rename, rm } from 'node:fs/promises'
import { join } from 'node:path'
import { execa } from 'execa'
import { unzipSync } from 'fflate'
import { stillroom } from '../support/stillroom.ts'
import { TEST_PROGRAMS } from '../support/test-programs.ts'
import { makeTar, type TarContent, withDirectories } from './make-tar.ts'
import { type Content, composeImage, type OciImage } from './oci-image.ts'
import { saveImage } from './saved-image.ts'

export interface BaseImageOptions {
  /** /etc/apt/sources.list; by default Debian's two archives at places that do not exist. */
  sources?: string
  /** Besides, by path without a slash in front. */
  files?: Record<string, TarContent>
  /** The key that signs the archives, ASCII-armored. */
  key: string
  /** Another text, another image. */
  version?: string
  env?: NodeJS.ProcessEnv
}

export interface BaseImage {
  image: OciImage
  /** Removes the unpacked layers: the image can't be pushed any more. */
  remove(): Promise<void>
}

const ROOT = join(import.meta.dirname, '../..')
const SOURCES = `deb http://archive.invalid/debian bookworm main
deb http://archive.invalid/debian-security bookworm-security main
`
const PYTHON = 'usr/local/lib/python3.11/dist-packages'

/**
 * Makes a base image as FEniCS's own are: many layers, a user `fenics`, an entrypoint through which every command
 * goes, a pip of 2021 without `--report`, files deleted and a directory emptied by a later layer.
 */
export async function makeBaseImage(options: BaseImageOptions): Promise<BaseImage> {
  const { sources = SOURCES, files = {}, key, version = '1', env } = options
  // Debian's bookworm with python3 and pip to begin with; nothing is built when the engine has it
  const built = await stillroom(ROOT, ['build', 'recipe', 'hello'])
  if (built.exitCode !== 0) throw new Error(`hello was not built:\n${built.stderr}`)
  const saved = await saveImage('stillroom/hello', env)
  try {
    const accounts = async (name: string, line: string) => `${await readFrom(saved.layers, name)}${line}\n`
    const users = withDirectories({
      'etc/passwd': await accounts('etc/passwd', 'fenics:x:1001:1001::/home/fenics:/bin/bash'),
      'etc/group': await accounts('etc/group', 'fenics:x:1001:'),
      'home/fenics/': { directory: true, uid: 1001, gid: 1001 },
      'home/fenics/shared/': { directory: true, uid: 1001, gid: 1001 },
      'home/fenics/WELCOME': `# Welcome ${version}\n`,
      'usr/local/bin/entrypoint': {
        content: '#!/bin/bash\nset -e\nwhile [ "$1" != -- ]; do shift; done\nshift\nexec "$@"\n',
        mode: 0o755,
      },
    })
    const apt = withDirectories({
      'etc/apt/sources.list': sources,
      'etc/apt/trusted.gpg.d/world.asc': key,
      'usr/share/doc/.wh..wh..opq': '',
      'usr/share/doc/README': 'what was here is gone\n',
      'home/.wh.hello': '',
      ...files,
    })
    const oldPip = await makeTar(withDirectories(await pipFiles()))
    const image = await composeImage({
      layers: [...saved.layers, await makeTar(users), oldPip, await makeTar(apt)],
      format: 'docker',
      config: {
        User: 'fenics',
        WorkingDir: '/home/fenics/shared',
        Entrypoint: ['/usr/local/bin/entrypoint', '--quiet', '--'],
        Cmd: ['/bin/bash', '-i'],
        ExposedPorts: { '8888/tcp': {} },
        Labels: { maintainer: 'test@example.org' },
        Env: [
          'PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin',
          'LANG=C.UTF-8',
          'FENICS_PYTHON=python3',
          'HOME=/home/fenics',
        ],
      },
    })
    return { image, remove: saved.remove }
  } catch (error) {
    await saved.remove()
    throw error
  }
}

/** A file as the highest layer with it has it. */
async function readFrom(layers: readonly Content[], path: string): Promise<string> {
  for (const layer of [...layers].reverse()) {
    if (!('file' in layer)) continue
    const { exitCode, stdout } = await execa('tar', ['-xOf', layer.file, path], {
      reject: false,
      stripFinalNewline: false,
    })
    if (exitCode === 0) return stdout
  }
  throw new Error(`no layer has ${path}`)
}

/** The last pip without `--report` and `--dry-run` that Python 3.11 can run, with the program `pip3`. */
async function pipFiles(): Promise<Record<string, TarContent>> {
  const wheel = join(TEST_PROGRAMS, 'pip-20.3.4-py2.py3-none-any.whl')
  if (!existsSync(wheel)) {
    const work = join(TEST_PROGRAMS, `pip.${process.pid}`)
    await mkdir(work, { recursive: true })
    await execa('python3', ['-m', 'pip', 'download', '--quiet', '--no-deps', '--dest', work, 'pip==20.3.4'])
    await rename(join(work, 'pip-20.3.4-py2.py3-none-any.whl'), wheel)
    await rm(work, { recursive: true })
  }
  const files = Object.entries(unzipSync(await readFile(wheel))).filter(([path]) => !path.endsWith('/'))
  const program =
    '#!/usr/bin/python3\nimport sys\nfrom pip._internal.cli.main import main\nsys.exit(main())\n'
  return {
    ...Object.fromEntries(files.map(([path, bytes]) => [`${PYTHON}/${path}`, bytes])),
    'usr/local/bin/pip3': { content: program, mode: 0o755 },
  }
}
