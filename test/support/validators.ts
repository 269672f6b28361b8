import { existsSync } from 'node:fs'
import { mkdir, mkdtemp, readdir, rename, rm } from 'node:fs/promises'
import { join } from 'node:path'
import { execa } from 'execa'
import { TEST_PROGRAMS } from './test-programs.ts'

/** Raised when what is installed below changes. */
const SET = 1

/** pytest's sources have the schema that Jenkins holds JUnit reports against. */
const PYTEST = 'pytest==9.2.0'
const SARIF = '@microsoft/jest-sarif@1.0.0-beta.0'
const PYTHON = [
  'spdx-tools==0.8.5',
  'lxml==6.1.3',
  'jsonschema[format-nongpl]==4.26.0',
  'setuptools',
  'setuptools-scm',
]

/** Why this machine can have no validators of others; `true` when it can. */
export async function canHaveValidators(): Promise<string | true> {
  const { failed } = await execa('python3', ['-c', 'import ensurepip, venv'], { reject: false })
  return !failed || 'there is no python3 with venv and ensurepip'
}

/** Programs and schemas of others that say whether a file is of its format; each throws with what is wrong. */
export interface Validators {
  junit: (path: string) => Promise<void>
  sarif: (path: string) => Promise<void>
  spdx: (path: string) => Promise<void>
}

/** Installed once by the machine's own pip and npm, in the cache directory. */
export async function getValidators(): Promise<Validators> {
  const root = join(TEST_PROGRAMS, `validators-${SET}`)
  if (!existsSync(root)) await install(root)
  const python = (script: string, ...args: string[]) =>
    execa(join(root, 'venv/bin/python'), ['-', ...args], { input: script })
  return {
    junit: async (path) => void (await python(XSD, join(root, 'junit.xsd'), path)),
    sarif: async (path) => void (await python(JSON_SCHEMA, join(root, 'sarif.json'), path)),
    spdx: async (path) => void (await python(SPDX, path)),
  }
}

const XSD = `import sys
from lxml import etree
etree.XMLSchema(etree.parse(sys.argv[1])).assertValid(etree.parse(sys.argv[2]))
`

const JSON_SCHEMA = `import json, sys
from jsonschema import Draft4Validator, FormatChecker
schema, document = (json.load(open(path)) for path in sys.argv[1:])
Draft4Validator.check_schema(schema)
Draft4Validator(schema, format_checker=FormatChecker(['uri', 'uri-reference'])).validate(document)
`

const SPDX = `import sys
from spdx_tools.spdx.parser.parse_anything import parse_file
from spdx_tools.spdx.validation.document_validator import validate_full_spdx_document
messages = validate_full_spdx_document(parse_file(sys.argv[1]), 'SPDX-2.3')
if messages:
    sys.exit('\\n'.join(f'{m.context.spdx_id}: {m.validation_message}' for m in messages[:20]))
`

async function install(root: string): Promise<void> {
  await mkdir(join(root, '..'), { recursive: true })
  const work = await mkdtemp(`${root}.`)
  // a virtual environment has its own path in its programs, but not in what its python needs
  const python = join(work, 'venv/bin/python')
  const pip = (...args: string[]) => execa(python, ['-m', 'pip', '--quiet', ...args], { stdin: 'ignore' })
  try {
    await execa('python3', ['-m', 'venv', join(work, 'venv')])
    await pip('install', '--upgrade', ...PYTHON)
    const sources = ['--no-deps', '--no-binary', ':all:', '--no-build-isolation', '--dest', work, PYTEST]
    await pip('download', ...sources)
    await execa('npm', ['pack', '--silent', '--pack-destination', work, SARIF], { cwd: work })
    await take(work, /^pytest-.*\.tar\.gz$/, 'junit-10.xsd', 'junit.xsd')
    await take(work, /^microsoft-jest-sarif-.*\.tgz$/, 'sarif-2.1.0-rtm.5.json', 'sarif.json')
    await rename(work, root)
  } finally {
    await rm(work, { recursive: true, force: true })
  }
}

/** The one file of that name in an archive. */
async function take(directory: string, archive: RegExp, name: string, to: string): Promise<void> {
  const found = (await readdir(directory)).find((each) => archive.test(each))
  if (found === undefined) throw new Error(`nothing like ${archive} was downloaded`)
  const wildcard = ['--wildcards', `*/${name}`, '--to-command', `cat > '${join(directory, to)}'`]
  await execa('tar', ['-xzf', join(directory, found), ...wildcard])
}
