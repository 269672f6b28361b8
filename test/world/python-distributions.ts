import { createHash } from 'node:crypto'
import { gzipSync } from 'node:zlib'
import { strToU8, type ZipAttributes, zipSync } from 'fflate'
import { makeTar } from './make-tar.ts'

/** A file of a package index. */
export interface Distribution {
  name: string
  version: string
  /** Its file name. */
  file: string
  bytes: Uint8Array
  /** The METADATA of a wheel. */
  metadata?: Uint8Array
  requiresPython?: string
}

export interface DistributionOptions {
  name: string
  version: string
  /** By path, such as `package/__init__.py`; when left out, a module of the package's name with a `VERSION`. */
  files?: Record<string, string>
  /** `Requires-Dist` lines. */
  requires?: string[]
  requiresPython?: string
  /** The version as METADATA has it, when the file's name has another spelling. */
  written?: string
  /** Of a source distribution, instead of the modern name: without the ending. */
  stem?: string
  /** Of a wheel: more files, below `NAME-VERSION.data` and `NAME-VERSION.dist-info`. */
  data?: Record<string, string>
  info?: Record<string, string>
  /** Permissions and type of a wheel's files, as in st_mode; 0644 by default. */
  modes?: Record<string, number>
  /** Of a wheel's file name: a build number, and the tags. */
  tags?: string
  isPure?: boolean
  /** Files of a wheel that its RECORD gives no hash of. */
  unhashed?: string[]
}

/** Of the first day a zip archive can name. */
const ZIP_TIME = new Date(1980, 0, 1)

/** A wheel for any Python 3 and any platform; the same options give the same bytes. */
export function makeWheel(options: DistributionOptions): Distribution {
  const { name, version, requiresPython } = options
  const stem = `${name.replaceAll(/[-_.]+/g, '_')}-${version}`
  const metadata = metadataOf(options)
  const files: Record<string, string> = {
    ...filesOf(options),
    ...below(`${stem}.data`, options.data),
    [`${stem}.dist-info/METADATA`]: metadata,
    [`${stem}.dist-info/WHEEL`]: `Wheel-Version: 1.0\nGenerator: stillroom-test\nRoot-Is-Purelib: ${options.isPure ?? true}\nTag: py3-none-any\n`,
    ...below(`${stem}.dist-info`, options.info),
  }
  const record = Object.entries(files).map(([path, text]) => {
    if (options.unhashed?.includes(path)) return `${field(path)},,\n`
    const digest = createHash('sha256').update(text).digest('base64url')
    return `${field(path)},sha256=${digest},${Buffer.byteLength(text)}\n`
  })
  files[`${stem}.dist-info/RECORD`] = `${record.join('')}${stem}.dist-info/RECORD,,\n`
  const entries = Object.entries(files).map(([path, text]) => {
    const mode = options.modes?.[path.replace(`${stem}.`, '')] ?? 0o100644
    return [path, [strToU8(text), { os: 3, attrs: mode << 16 }]] as [string, [Uint8Array, ZipAttributes]]
  })
  return {
    name,
    version,
    file: `${stem}-${options.tags ?? 'py3-none-any'}.whl`,
    bytes: zipSync(Object.fromEntries(entries), { mtime: ZIP_TIME }),
    metadata: strToU8(metadata),
    ...(requiresPython === undefined ? {} : { requiresPython }),
  }
}

/**
 * A source distribution.
 *
 * @param options.build `own`: brings what builds it (PEP 517 `backend-path`), so a pip of 2020 or newer needs no other
 *   package; `setuptools`: a `setup.py` alone, for every pip, where setuptools is installed
 */
export async function makeSdist(
  options: DistributionOptions & { build?: 'own' | 'setuptools' },
): Promise<Distribution> {
  const { name, version, requiresPython, build = 'own' } = options
  const stem = `${name.replaceAll(/[-_.]+/g, '_')}-${version}`
  const files = { ...filesOf(options), 'PKG-INFO': metadataOf(options), ...builderOf(options, build) }
  const top = options.stem ?? stem
  const placed = Object.entries(files).map(([path, text]) => [`${top}/${path}`, text])
  return {
    name,
    version,
    file: `${top}.tar.gz`,
    bytes: gzipSync(await makeTar(Object.fromEntries(placed))),
    ...(requiresPython === undefined ? {} : { requiresPython }),
  }
}

function builderOf(options: DistributionOptions, build: 'own' | 'setuptools'): Record<string, string> {
  const { name, version, requires = [] } = options
  if (build === 'setuptools') {
    const modules = Object.keys(filesOf(options)).map((path) => path.replace(/\.py$/, ''))
    const top = modules.filter((path) => !path.includes('/'))
    const packages = modules.flatMap((path) => /^(\w+)\/__init__$/.exec(path)?.[1] ?? [])
    const json = (value: unknown) => JSON.stringify(value)
    return {
      'setup.py': `from setuptools import setup
setup(name=${json(name)}, version=${json(version)}, py_modules=${json(top)}, packages=${json(packages)},
      install_requires=${json(requires)})
`,
    }
  }
  const wheel = makeWheel(options)
  return {
    'pyproject.toml': '[build-system]\nrequires = []\nbuild-backend = "backend"\nbackend-path = ["."]\n',
    'backend.py': `import base64, os
WHEEL = ${JSON.stringify(Buffer.from(wheel.bytes).toString('base64'))}
def build_wheel(directory, config_settings=None, metadata_directory=None):
    with open(os.path.join(directory, ${JSON.stringify(wheel.file)}), 'wb') as file:
        file.write(base64.b64decode(WHEEL))
    return ${JSON.stringify(wheel.file)}
def build_sdist(directory, config_settings=None):
    raise NotImplementedError
`,
  }
}

function filesOf({ name, version, files }: DistributionOptions): Record<string, string> {
  return files ?? { [`${name.replaceAll(/[-_.]+/g, '_')}.py`]: `VERSION = ${JSON.stringify(version)}\n` }
}

/** A field of CSV. */
const field = (text: string) => (/[",]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text)

const below = (directory: string, files: Record<string, string> = {}) =>
  Object.fromEntries(Object.entries(files).map(([path, text]) => [`${directory}/${path}`, text]))

function metadataOf({
  name,
  version,
  written = version,
  requires = [],
  requiresPython,
}: DistributionOptions): string {
  return [
    'Metadata-Version: 2.1',
    `Name: ${name}`,
    `Version: ${written}`,
    'Summary: made by a test',
    ...(requiresPython === undefined ? [] : [`Requires-Python: ${requiresPython}`]),
    ...requires.map((requirement) => `Requires-Dist: ${requirement}`),
    '',
  ].join('\n')
}
