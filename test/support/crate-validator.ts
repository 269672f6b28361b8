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

/** Validators of others for a deposit's documents. */
export interface CrateValidator {
  /** What of the profile of RO-Crate 1.2 a directory does not keep of all that is required or recommended, in order. */
  crate: (directory: string) => Promise<string[]>
  /** A CITATION.cff; throws with what is wrong. */
  citation: (path: string) => Promise<void>
}

/** Installed once by the machine's own pip and npm, in the cache directory. */
export async function getCrateValidator(): Promise<CrateValidator> {
  const root = join(TEST_PROGRAMS, `crate-validator-${SET}`)
  if (!existsSync(root)) await install(root)
  const python = join(root, 'venv/bin/python')
  return {
    crate: async (directory) => {
      const context = join(root, 'package/lib/context.json')
      const { stdout } = await execa(python, ['-', context, directory], { input: CRATE })
      return JSON.parse(stdout) as string[]
    },
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
level = models.Severity.RECOMMENDED
settings = services.ValidationSettings(rocrate_uri=sys.argv[2], profile_identifier='ro-crate-1.2', requirement_severity=level)
result = services.validate(settings)
# 51.1 asks the network for the DOI
issues = [f'{issue.check.identifier} {issue.message}' for issue in result.get_issues() if '_51.1' not in issue.check.identifier]
print(json.dumps(sorted(issues)))
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
