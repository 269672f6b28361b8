import { existsSync } from 'node:fs'
import { mkdir, mkdtemp, readdir, rename, rm, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { execa } from 'execa'
import { type Browser, launch } from 'puppeteer-core'
import { TEST_PROGRAMS } from './test-programs.ts'

/** Why this machine can have no Chromium; `true` when it can. */
export async function canHaveChromium(): Promise<string | true> {
  if (process.getuid?.() !== 0) return 'this is not root'
  const apt = await execa('sh', ['-c', 'command -v apt-get && command -v dpkg-deb'], { reject: false })
  return apt.exitCode === 0 || 'there is no apt-get'
}

/** Debian's Chromium without a window: the machine's, or one unpacked in the cache directory with all its libraries. */
export async function startChromium(): Promise<Browser> {
  const root = (await isInstalled()) ? '/' : await unpacked()
  return launch({
    executablePath: join(root, 'usr/lib/chromium/chromium'),
    args: [
      '--no-sandbox',
      '--disable-gpu',
      '--disable-dev-shm-usage',
      '--allow-file-access-from-files=false',
    ],
    env: { ...process.env, ...(root === '/' ? {} : surroundings(root)) },
  })
}

async function isInstalled(): Promise<boolean> {
  const query = ['--show', '--showformat=${db:Status-Status}', 'chromium']
  const { stdout } = await execa('dpkg-query', query, { reject: false })
  return stdout === 'installed'
}

function surroundings(root: string): Record<string, string> {
  const libraries = [
    'usr/lib/x86_64-linux-gnu',
    'usr/lib/x86_64-linux-gnu/pulseaudio',
    'lib/x86_64-linux-gnu',
  ]
  return {
    LD_LIBRARY_PATH: libraries.map((directory) => join(root, directory)).join(':'),
    XDG_DATA_HOME: join(root, 'usr/share'),
    FONTCONFIG_PATH: join(root, 'etc/fonts'),
  }
}

/** All that Chromium needs but the C library, whatever of it is installed: what apt would install on an empty system. */
async function unpacked(): Promise<string> {
  const root = join(TEST_PROGRAMS, 'chromium-whole')
  if (existsSync(root)) return root
  await mkdir(TEST_PROGRAMS, { recursive: true })
  const work = await mkdtemp(`${root}.`)
  try {
    const archives = join(work, 'archives')
    const status = join(work, 'status')
    await mkdir(join(archives, 'partial'), { recursive: true })
    await writeFile(status, '')
    await execa('apt-get', ['update'], { stdin: 'ignore' })
    const settings = [
      `Dir::Cache::archives=${archives}`,
      `Dir::State::status=${status}`,
      'APT::Sandbox::User=root',
    ].flatMap((setting) => ['-o', setting])
    const options = ['--download-only', '--no-install-recommends', '--assume-yes', ...settings]
    await execa('apt-get', ['install', ...options, 'chromium', 'fonts-dejavu-core'], { stdin: 'ignore' })
    for (const name of await readdir(archives)) {
      // the machine's own loader runs with its own C library alone
      if (!name.endsWith('.deb') || name.startsWith('libc6_')) continue
      await execa('dpkg-deb', ['--extract', join(archives, name), join(work, 'root')])
    }
    await rename(join(work, 'root'), root).catch((error) => {
      // another run was faster
      if (!existsSync(root)) throw error
    })
  } finally {
    await rm(work, { recursive: true, force: true })
  }
  return root
}
