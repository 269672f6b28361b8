import { existsSync } from 'node:fs'
import { mkdir, mkdtemp, readdir, rename, rm } from 'node:fs/promises'
import { join } from 'node:path'
import { execa } from 'execa'
import { TEST_PROGRAMS } from './test-programs.ts'

/** Raised when what is installed below changes. */
const SET = 1

const PYTHON = ['roc-validator==0.13.0', 'cffconvert==2.0.0']
/** Has the context of RO-Crate 1.2, which the validator would fetch from the network. */
const RO_CRATE = 'ro-crate@3.7.2'

/** Validators of others for a deposit's documents; each throws with what is wrong. */
export interface CrateValidator {
  /** A directory, against the profile of RO-Crate 1.2: all that is required. */
  crate: (directory: string) => Promise<void>
  /** A CITATION.cff. */
  citation: (path: string) => Promise<void>
}

/** Installed once by the machine's own pip and npm, in the cache directory. */
export async function getCrateValidator(): Promise<CrateValidator> {
  const root = join(TEST_PROGRAMS, `crate-validator-${SET}`)
  if (!existsSync(root)) await install(root)
  const python = join(root, 'venv/bin/python')
  return {
    crate: async (directory) =>
      void (await execa(python, ['-', join(root, 'package/lib/context.json'), directory], { input: CRATE })),
    citation: async (path) => void (await execa(python, ['-c', CITATION, '--validate', '--infile', path])),
  }
}

// its program's first line names where it was installed first
const CITATION = 'from cffconvert.cli.cli import cli; cli()'

const CRATE = `import json, sys
from rdflib.plugins.shared.jsonld import context as jsonld_context, util
known, ADDRESS = json.load(open(sys.argv[1])), 'https://w3id.org/ro/crate/1.2/context'
original = util.source_to_json
def source_to_json(source, *args, **kwargs):
    return (known, None) if source == ADDRESS else original(source, *args, **kwargs)
util.source_to_json = jsonld_context.source_to_json = source_to_json
# not before: it takes what it finds there
from rocrate_validator import models, services
from rocrate_validator.utils import http
class Answer:
    status_code, headers, text = 200, {'Content-Type': 'application/ld+json'}, json.dumps(known)
    def json(self):
        return known
class Requester:
    def get(self, url, **kwargs):
        assert url == ADDRESS, url
        return Answer()
http.HttpRequester = Requester
required = models.Severity.REQUIRED
settings = services.ValidationSettings(rocrate_uri=sys.argv[2], profile_identifier='ro-crate-1.2', requirement_severity=required)
result = services.validate(settings)
if not result.passed():
    sys.exit('\\n'.join(f'{issue.check.identifier} {issue.message}' for issue in result.get_issues()))
`

async function install(root: string): Promise<void> {
  await mkdir(join(root, '..'), { recursive: true })
  const work = await mkdtemp(`${root}.`)
  const python = join(work, 'venv/bin/python')
  try {
    await execa('python3', ['-m', 'venv', join(work, 'venv')])
    await execa(python, ['-m', 'pip', '--quiet', 'install', ...PYTHON], { stdin: 'ignore' })
    await execa('npm', ['pack', '--silent', '--pack-destination', work, RO_CRATE], { cwd: work })
    const archive = (await readdir(work)).find((name) => name.endsWith('.tgz'))
    if (archive === undefined) throw new Error('npm downloaded nothing')
    await execa('tar', ['-xzf', archive, 'package/lib/context.json'], { cwd: work })
    await rename(work, root)
  } finally {
    await rm(work, { recursive: true, force: true })
  }
}
