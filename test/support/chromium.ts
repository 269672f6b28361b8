import { existsSync } from 'node:fs'
import { mkdir, mkdtemp, readdir, rename, rm } from 'node:fs/promises'
import { join } from 'node:path'
import { execa } from 'execa'
import { type Browser, launch } from 'puppeteer-core'
import { defaultCacheDirectory } from '../../src/store/cache-directory.ts'

/** Why this machine can have no Chromium; `true` when it can. */
export async function canHaveChromium(): Promise<string | true> {
  if (process.getuid?.() !== 0) return 'this is not root'
  const apt = await execa('sh', ['-c', 'command -v apt-get && command -v dpkg-deb'], { reject: false })
  return apt.exitCode === 0 || 'there is no apt-get'
}

/** Debian's Chromium without a window; unpacked in the cache directory with what this machine lacks of its libraries. */
export async function startChromium(): Promise<Browser> {
  const root = await unpacked()
  return launch({
    executablePath: join(root, 'usr/lib/chromium/chromium'),
    args: [
      '--no-sandbox',
      '--disable-gpu',
      '--disable-dev-shm-usage',
      '--allow-file-access-from-files=false',
    ],
    env: {
      ...process.env,
      LD_LIBRARY_PATH: [
        'usr/lib/x86_64-linux-gnu',
        'usr/lib/x86_64-linux-gnu/pulseaudio',
        'lib/x86_64-linux-gnu',
      ]
        .map((directory) => join(root, directory))
        .join(':'),
      XDG_DATA_HOME: join(root, 'usr/share'),
    },
  })
}

async function unpacked(): Promise<string> {
  const programs = join(defaultCacheDirectory(process.env), 'test-programs')
  const root = join(programs, 'chromium')
  if (existsSync(root)) return root
  await mkdir(programs, { recursive: true })
  const work = await mkdtemp(join(programs, 'chromium.'))
  try {
    await mkdir(join(work, 'archives/partial'), { recursive: true })
    await execa('apt-get', ['update'], { stdin: 'ignore' })
    const options = ['--download-only', '--no-install-recommends', '--assume-yes']
    const place = ['-o', `Dir::Cache::archives=${join(work, 'archives')}`, '-o', 'APT::Sandbox::User=root']
    await execa('apt-get', ['install', ...options, ...place, 'chromium', 'fonts-dejavu-core'], {
      stdin: 'ignore',
    })
    for (const name of await readdir(join(work, 'archives'))) {
      if (!name.endsWith('.deb')) continue
      await execa('dpkg-deb', ['--extract', join(work, 'archives', name), join(work, 'root')])
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
