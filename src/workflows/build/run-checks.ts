import { availableParallelism } from 'node:os'
import pMap from 'p-map'
import type { Engine } from '../../engine/connect.ts'
import { withContainer } from '../../engine/container.ts'
import { isSameVersion } from '../../formats/versions/compare-pep440.ts'
import { basePackages } from '../../lock/base-packages.ts'
import type { LockedPlatform } from '../../lock/schema.ts'
import type { Recipe } from '../../recipe/schema.ts'
import type { CheckResult, PackageCount } from '../../report/build-report.ts'
import { listDistributions } from '../../resolve/python/list-distributions.ts'
import type { Sandbox } from '../../resolve/sandbox.ts'

export interface ChecksReport {
  checks: CheckResult[]
  packages: PackageCount
}

/**
 * Runs a recipe's checks in one container of the image, without network, as the image's own user: as many at once as there
 * are processors.
 */
export async function runChecks(
  engine: Engine,
  image: string,
  recipe: Recipe,
  locked: LockedPlatform,
  signal: AbortSignal,
  onCheck: (name: string) => void,
): Promise<ChecksReport> {
  return withContainer(engine, { image, network: 'none', signal }, async (sandbox) => {
    const run = async ({ name, command, expect }: Recipe['checks'][number]): Promise<CheckResult> => {
      onCheck(name)
      const { exitCode, stdout, stderr } = await sandbox.run(command)
      const output = said(stdout, stderr)
      const missing = expect !== undefined && !stdout.includes(expect)
      const passed = exitCode === 0 && !missing
      const reason =
        exitCode !== 0 ? `exit code ${exitCode}` : `standard output lacks ${JSON.stringify(expect)}`
      return { name, passed, output: passed ? output : `${reason}\n${output}`.trim() }
    }
    onCheck('packages')
    const { result, packages } = await checkPackages(sandbox, locked, recipe)
    const checks = await pMap(recipe.checks, run, { concurrency: availableParallelism() })
    return { checks: [result, ...checks], packages }
  })
}

/** The last lines of what a command printed. */
const said = (stdout: string, stderr: string) => `${stdout}${stderr}`.trim().split('\n').slice(-20).join('\n')

/**
 * What dpkg and Python say is installed against the lock: every package in its locked version, and of Debian's no other but
 * those that a `run` step may have installed from files of the image.
 */
async function checkPackages(
  sandbox: Sandbox,
  locked: LockedPlatform,
  { steps }: Recipe,
): Promise<{ result: CheckResult; packages: PackageCount }> {
  const debian = await debianPackages(sandbox)
  if (typeof debian === 'string') {
    const result = { name: 'packages', passed: false, output: debian }
    return { result, packages: { debian: 0, python: 0 } }
  }
  const expected = new Set(
    installedPackages(locked).map(
      ({ name, version, architecture }) => `${name} ${version} ${architecture} ii`,
    ),
  )
  const missing = [...expected].filter((line) => !debian.has(line)).map((line) => `missing: ${line}`)
  const extra = [...debian].filter((line) => !expected.has(line)).map((line) => `not in the lock: ${line}`)
  const files = locked.steps.flatMap((step) => (step.kind === 'pip' ? step.files : []))
  const installed = [...new Map(files.map((file) => [file.name, file])).values()]
  const python = installed.length === 0 ? new Map<string, string>() : await pythonPackages(sandbox)
  const other = installed
    .filter(({ name, version }) => !isSameVersion(version, python.get(name)))
    .map(({ name, version }) => `Python: expected ${name} ${version}, got ${python.get(name) ?? 'nothing'}`)
  const isOwn = steps.some(({ kind }) => kind === 'run')
  const wrong = [...missing, ...(isOwn ? [] : extra), ...other]
  const right = ['as locked', ...(isOwn ? extra.map((line) => `${line}: by a run step`) : [])]
  const output = (wrong.length > 0 ? wrong : right).slice(0, 20).join('\n')
  return {
    result: { name: 'packages', passed: wrong.length === 0, output },
    packages: { debian: debian.size, python: installed.length - other.length },
  }
}

/** What dpkg says is installed; a text when it does not say. */
async function debianPackages(sandbox: Sandbox): Promise<Set<string> | string> {
  const format = '${Package} ${Version} ${Architecture} ${db:Status-Abbrev}\\n'
  const { exitCode, stdout, stderr } = await sandbox.run(['dpkg-query', '--show', `--showformat=${format}`])
  if (exitCode !== 0) return `dpkg-query: exit code ${exitCode}\n${said(stdout, stderr)}`
  // a base may have removed packages and kept their settings
  const lines = stdout.split('\n').map((line) => line.trim().replace(/^.* rc$/, ''))
  return new Set(lines.filter((line) => line !== ''))
}

/** What Python finds by each name: the first on its path. */
async function pythonPackages(sandbox: Sandbox): Promise<Map<string, string>> {
  const found = await listDistributions(sandbox)
  return new Map(found.toReversed().map(({ name, version }) => [name, version]))
}

/** A later step's version of a package stands for an earlier one's. */
function installedPackages({ base, steps }: LockedPlatform) {
  const found =
    base.kind === 'debian' ? basePackages(base) : base.inventory.filter(({ kind }) => kind === 'deb')
  const all = [...found, ...steps.flatMap((step) => (step.kind === 'apt' ? step.packages : []))]
  return [...new Map(all.map((entry) => [entry.name, entry])).values()]
}
