import type { Engine } from '../engine/connect.ts'
import { withContainer } from '../engine/container.ts'
import type { LockedPlatform } from '../lock/schema.ts'
import type { Recipe } from '../recipe/schema.ts'
import type { Sandbox } from '../resolve/sandbox.ts'

export interface CheckResult {
  name: string
  passed: boolean
  /** What the command printed, or why it did not pass; shortened. */
  output: string
}

/** Installed packages by kind, read back from the image. */
export interface PackageCount {
  debian: number
  python: number
}

export interface ChecksReport {
  checks: CheckResult[]
  packages: PackageCount
}

/** Runs a recipe's checks in one container of the image, without network, as the image's own user. */
export async function runChecks(
  engine: Engine,
  image: string,
  recipe: Recipe,
  locked: LockedPlatform,
  signal: AbortSignal,
  onCheck: (name: string) => void,
): Promise<ChecksReport> {
  return withContainer(engine, { image, network: 'none', signal }, async (sandbox) => {
    onCheck('packages')
    const { result, packages } = await checkPackages(sandbox, locked)
    const checks = [result]
    for (const { name, command, expect } of recipe.checks) {
      onCheck(name)
      const { exitCode, stdout, stderr } = await sandbox.run(command)
      const said = `${stdout}${stderr}`.trim().split('\n').slice(-20).join('\n')
      const missing = expect !== undefined && !stdout.includes(expect)
      const passed = exitCode === 0 && !missing
      const reason =
        exitCode !== 0 ? `exit code ${exitCode}` : `standard output lacks ${JSON.stringify(expect)}`
      checks.push({ name, passed, output: passed ? said : `${reason}\n${said}`.trim() })
    }
    return { checks, packages }
  })
}

/** dpkg's account of the image against the lock: every package in its locked version, and no other. */
async function checkPackages(
  sandbox: Sandbox,
  locked: LockedPlatform,
): Promise<{ result: CheckResult; packages: PackageCount }> {
  const format = '${Package} ${Version} ${Architecture} ${db:Status-Abbrev}\\n'
  const { stdout } = await sandbox.run(['dpkg-query', '--show', `--showformat=${format}`])
  const actual = new Set(
    stdout
      .split('\n')
      .map((line) => line.trim())
      .filter((line) => line !== ''),
  )
  const expected = new Set(
    installedPackages(locked).map(
      ({ name, version, architecture }) => `${name} ${version} ${architecture} ii`,
    ),
  )
  const missing = [...expected].filter((line) => !actual.has(line)).map((line) => `missing: ${line}`)
  const extra = [...actual].filter((line) => !expected.has(line)).map((line) => `not in the lock: ${line}`)
  const output = [...missing, ...extra].slice(0, 20).join('\n')
  const python = new Set(
    locked.steps.flatMap((step) => (step.kind === 'pip' ? step.files.map((file) => file.name) : [])),
  )
  return {
    result: {
      name: 'packages',
      passed: missing.length + extra.length === 0,
      output: output || `${actual.size} Debian packages as locked`,
    },
    packages: { debian: actual.size, python: python.size },
  }
}

/** A later step's version of a package stands for an earlier one's. */
function installedPackages({ base, steps }: LockedPlatform) {
  const all = [...base.packages, ...steps.flatMap((step) => (step.kind === 'apt' ? step.packages : []))]
  return [...new Map(all.map((entry) => [entry.name, entry])).values()]
}
