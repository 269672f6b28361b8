import { normalizeName } from '../../formats/python/distribution-name.ts'
import type { Sandbox } from '../sandbox.ts'

/** One Python distribution as it is installed. */
export interface Distribution {
  /** Normalised as in PEP 503. */
  name: string
  version: string
  /** The directory on sys.path that it lies in. */
  location: string
}

// Serves Python 3.6 (pkg_resources) and newer (importlib.metadata); prints what is hidden behind another, too.
const PROGRAM = `
import json, sys
found = []
for path in sys.path:
    try:
        from importlib.metadata import distributions
        found += [(d.metadata['Name'], d.version, path) for d in distributions(path=[path])]
    except ImportError:
        import pkg_resources
        found += [(d.project_name, d.version, path) for d in pkg_resources.find_distributions(path, only=True)]
json.dump([f for f in found if f[0]], sys.stdout)
`

/** Every distribution on the image's sys.path, in the order in which Python finds them. */
export async function listDistributions(sandbox: Sandbox): Promise<Distribution[]> {
  const { exitCode, stdout, stderr } = await sandbox.run(['python3', '-c', PROGRAM])
  if (exitCode !== 0) throw new Error(`listing Python distributions failed: ${stderr}`)
  const rows = JSON.parse(stdout) as [string, string, string][]
  return rows.map(([name, version, location]) => ({ name: normalizeName(name), version, location }))
}
