import { z } from 'zod'
import { normalizeName } from '../../formats/python/distribution-name.ts'
import type { Sandbox } from '../sandbox.ts'

/** One Python distribution as it is installed. */
export interface Distribution {
  /** Normalised as in PEP 503. */
  name: string
  /** As its metadata has it. */
  version: string
  /** The directory on sys.path that it lies in. */
  location: string
  /** Whether it was installed as a wheel, whatever it came as. */
  isWheel: boolean
  /** pip's note of where it is from, when it is not from an index (PEP 610). */
  direct: string | null
  /** What it requires by address: each a requirement of PEP 508, or what looks like one. */
  addresses: string[]
}

// Serves Python 3.6 (pkg_resources) and newer (importlib.metadata); prints what is hidden behind another, too.
const PROGRAM = `
import json, re, sys
found = []
def add(name, version, path, read):
    metadata = read('METADATA')
    lines = [l.split(':', 1)[1] for l in (metadata or '').split('\\n') if l.lower().startswith('requires-dist:')]
    section = ''
    for l in (read('requires.txt') or '').split('\\n'):
        if l.startswith('['): section = ' ; extra == "%s"' % re.sub('[^A-Za-z0-9._-]', '', l)
        else: lines.append(l.strip() + section)
    addresses = [l.strip() for l in lines if re.match(r'[^;#]*@', l)]
    if name: found.append([name, version, path, metadata is not None, read('direct_url.json'), addresses])
for path in sys.path:
    try:
        from importlib.metadata import distributions
        for d in distributions(path=[path]): add(d.metadata['Name'], d.version, path, d.read_text)
    except ImportError:
        import pkg_resources
        for d in pkg_resources.find_distributions(path, only=True):
            add(d.project_name, d.version, path, lambda n: d.get_metadata(n) if d.has_metadata(n) else None)
json.dump(found, sys.stdout)
`

const Rows = z.array(
  z.tuple([z.string(), z.string(), z.string(), z.boolean(), z.string().nullable(), z.array(z.string())]),
)

/** Every distribution on the image's sys.path, in the order in which Python finds them. */
export async function listDistributions(sandbox: Sandbox): Promise<Distribution[]> {
  const { exitCode, stdout, stderr } = await sandbox.run(['python3', '-c', PROGRAM])
  if (exitCode !== 0) throw new Error(`listing Python distributions failed: ${stderr}`)
  return Rows.parse(JSON.parse(stdout)).map(([name, version, location, isWheel, direct, addresses]) => {
    return { name: normalizeName(name), version, location, isWheel, direct, addresses }
  })
}
