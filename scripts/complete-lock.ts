// Completes package-lock.json after `npm install` from a registry that lacks optional packages of other platforms:
// npm leaves those out of the lock, and `npm ci` then refuses it. They are added by name and version.
import { readFileSync, writeFileSync } from 'node:fs'

interface Entry {
  dev?: boolean
  optionalDependencies?: Record<string, string>
}

const SYSTEMS = [
  'android',
  'darwin',
  'freebsd',
  'linux',
  'openharmony',
  'win32',
  'netbsd',
  'openbsd',
  'sunos',
  'aix',
]
const PROCESSORS = [
  'arm64',
  'x64',
  'ia32',
  'arm',
  'ppc64',
  'riscv64',
  's390x',
  'loong64',
  'mips64el',
  'wasm32',
]

const file = new URL('../package-lock.json', import.meta.url)
const lock = JSON.parse(readFileSync(file, 'utf8')) as { packages: Record<string, Entry> }
for (const [path, entry] of Object.entries(lock.packages)) {
  for (const [name, version] of Object.entries(entry.optionalDependencies ?? {})) {
    if (!isLocked(path, name))
      lock.packages[`node_modules/${name}`] = platformPackage(name, version, entry.dev)
  }
}
const [self, ...rest] = Object.entries(lock.packages) as [[string, Entry], ...[string, Entry][]]
lock.packages = Object.fromEntries([self, ...rest.sort(([a], [b]) => a.localeCompare(b, 'en'))])
writeFileSync(file, `${JSON.stringify(lock, null, 2)}\n`)

/** Whether Node's lookup from `path` upwards finds the package. */
function isLocked(path: string, name: string): boolean {
  for (
    let directory = path;
    ;
    directory = directory.slice(0, Math.max(0, directory.lastIndexOf('/node_modules/')))
  ) {
    if (lock.packages[`${directory === '' ? '' : `${directory}/`}node_modules/${name}`]) return true
    if (directory === '') return false
  }
}

function platformPackage(name: string, version: string, dev: boolean | undefined): object {
  const os = SYSTEMS.find((system) => name.includes(system))
  const cpu = PROCESSORS.find((processor) => new RegExp(`[-.]${processor}(-|$)`).test(name))
  if (!os || !cpu || !/^\d+\.\d+\.\d+/.test(version))
    throw new Error(`cannot tell the platform of ${name}@${version}`)
  const libc = /musl/.test(name) ? ['musl'] : os === 'linux' ? ['glibc'] : undefined
  return { version, cpu: [cpu], ...(dev ? { dev } : {}), ...(libc ? { libc } : {}), optional: true, os: [os] }
}
