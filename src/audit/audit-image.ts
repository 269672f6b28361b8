import { needsAccount } from '../dockerfile/render-dockerfile.ts'
import { stepName } from '../dockerfile/step-name.ts'
import { treeDigest } from '../image/tree-digest.ts'
import type { InstalledPackage } from '../inventory/inventory.ts'
import type { AuditedPackage, AuditReport } from './audit-report.ts'
import { REPORT_VERSION } from './audit-report.ts'
import { compareConfig, expectedConfig, readConfig, redactConfig } from './compare-config.ts'
import { compareIdentity } from './compare-identity.ts'
import { comparePackages, type PackageComparison } from './compare-packages.ts'
import { configCredentials } from './credentials.ts'
import { excludedPaths, expectInstalled } from './expect-installed.ts'
import { expectLock } from './expect-lock.ts'
import { ExpectedFiles, showPath } from './expected-files.ts'
import type { Finding } from './finding.ts'
import { findingsOf } from './findings.ts'
import type { JudgeContext } from './judge-file.ts'
import { judgeImage } from './judge-image.ts'
import { inBase, type LockedPackage, lockedPackages, packageId } from './locked-packages.ts'
import { applyPolicy, type PolicyException } from './policy.ts'
import { readOs } from './read-os.ts'
import { rulesFor } from './rules.ts'
import type { ImageSubject, LockSubject } from './subject.ts'

export interface AuditPolicy {
  ignore: readonly PolicyException[]
  /** ISO 8601 date. */
  today: string
}

/**
 * Says what is in an image, whose each file is, and in what it differs from the lock. Without a lock, files are held
 * against what their own packages say of them. What is expected is found out while digests are still being taken.
 */
export async function auditImage(
  image: ImageSubject,
  lock: LockSubject | undefined,
  policy: AuditPolicy,
): Promise<AuditReport> {
  const packages = lock === undefined ? new Map<string, LockedPackage>() : lockedPackages(lock.locked)
  const expected =
    lock === undefined ? expectAll(image) : expectLock(image.tree, image.inventory, lock, packages)
  const comparison: PackageComparison =
    lock === undefined
      ? { findings: [], strays: [], absent: new Set() }
      : comparePackages(image.inventory, packages, expected, inBase(lock.locked))
  await image.digested
  const { files, issues } = judgeImage(judgeContext(image, lock, packages, expected))
  const tree = treeDigest(image.tree.root)
  const config = lock === undefined ? undefined : expectedConfig(lock.recipe, lock.locked.base)
  const credentials = configCredentials(image.config, { env: config?.env ?? {} })
  const secret = new Set(credentials.map(({ subject }) => subject))
  const findings = [
    ...(lock === undefined ? [] : compareIdentity(image, tree, lock.locked)),
    ...comparison.findings,
    ...findingsOf(issues, comparison),
    ...(config === undefined
      ? []
      : compareConfig(image.config, config, stopSignal(lock)).filter(({ subject }) => !secret.has(subject))),
    ...credentials,
    ...checkouts(image),
    ...inconclusive(image, lock),
  ]
  const judged = applyPolicy(findings, policy.ignore, policy.today)
  const os = readOs(image.tree)
  const { created } = image.config
  return {
    reportVersion: REPORT_VERSION,
    image: {
      reference: image.reference,
      id: image.id,
      diffIDs: image.layers.map(({ diffID }) => diffID),
      size: image.layers.reduce((sum, { size }) => sum + size, 0),
      tree,
      entries: image.tree.count(),
      config: redactConfig(readConfig(image.config)),
      ...(os === undefined ? {} : { os }),
      ...(typeof created === 'string' ? { created } : {}),
    },
    lock: lock === undefined ? null : auditedLock(lock),
    verdict: verdict(judged.findings),
    packages: auditedPackages(image, packages, expected),
    files,
    findings: judged.findings.sort(inOrder),
    ignored: judged.ignored.sort(inOrder),
    rules: rulesFor(lock !== undefined),
  }
}

function expectAll({ tree, inventory }: ImageSubject): ExpectedFiles {
  const expected = new ExpectedFiles(tree)
  const isExcluded = excludedPaths(tree)
  const isOfSystem = ({ kind }: InstalledPackage) => kind === 'deb' || kind === 'apk' || kind === 'rpm'
  for (const found of inventory.packages)
    if (isOfSystem(found)) expectInstalled(expected, tree, found, isExcluded)
  // what such a package brought is its own, whatever the files say that came along
  for (const found of inventory.packages)
    if (!isOfSystem(found) && expected.at(expected.place(found.record)).length === 0)
      expectInstalled(expected, tree, found)
  return expected
}

function judgeContext(
  image: ImageSubject,
  lock: LockSubject | undefined,
  packages: ReadonlyMap<string, LockedPackage>,
  expected: ExpectedFiles,
): JudgeContext {
  const sourceHashes = new Map<string, string>()
  for (const { files } of [
    ...(lock?.contents.artifacts.values() ?? []),
    ...(lock?.contents.trees.values() ?? []),
  ])
    for (const { sha256, sourceHash } of files)
      if (sourceHash !== undefined) sourceHashes.set(sha256, sourceHash)
  const debs = new Set([...packages.values()].filter(({ kind }) => kind === 'deb').map(({ name }) => name))
  return {
    image,
    expected,
    sourceHashes,
    stepLayers: lock === undefined ? new Map() : stepLayers(lock),
    check: lock === undefined ? undefined : { image, lock, expected, debs, packages },
  }
}

/**
 * Layers by the step that made each, of steps that make files of their own: run steps, pip where it builds, archives.
 * The base is the first layer, the recipe's directories the second, if any.
 */
function stepLayers({ recipe, layers }: LockSubject): Map<number, string> {
  const found = new Map<number, string>()
  if (recipe.layout === 'flat') return found
  const first = needsAccount(recipe) ? 2 : 1
  for (const [index, step] of recipe.steps.entries()) {
    const isMaker =
      step.kind === 'run' ||
      (step.kind === 'file' && step.unpack) ||
      (step.kind === 'pip' && step.local !== undefined && step.local.length > 0)
    if (isMaker && first + index < layers) found.set(first + index, stepName(index, step.kind))
  }
  return found
}

function stopSignal(lock: LockSubject | undefined): string {
  const base = lock?.locked.base
  return base?.kind === 'image' ? base.configuration.stopSignal : ''
}

function checkouts({ inventory }: ImageSubject): Finding[] {
  return inventory.packages
    .filter(({ modified = [] }) => modified.length > 0)
    .map(({ name, version, modified = [] }) => ({
      rule: 'git-modified',
      severity: 'error',
      subject: `git/${name}`,
      message: `the checkout of ${version} has ${modified.length} changed ${modified.length === 1 ? 'file' : 'files'}`,
      expected: version,
      evidence: modified.slice(0, 20).map(showPath),
    }))
}

function inconclusive({ inventory }: ImageSubject, lock: LockSubject | undefined): Finding[] {
  const finding = (subject: string, message: string): Finding => ({
    rule: 'inconclusive',
    severity: 'inconclusive',
    subject,
    message,
  })
  return [
    ...inventory.problems.map(({ path, reason }) => finding(showPath(path), reason)),
    ...(lock?.contents.missing ?? []).map(({ name, reason }) =>
      finding(`artifact/${name}`, `its files cannot be held against the locked ones: ${reason}`),
    ),
  ]
}

function verdict(findings: readonly Finding[]): AuditReport['verdict'] {
  if (findings.some(({ severity }) => severity === 'error')) return 'findings'
  return findings.some(({ severity }) => severity === 'inconclusive') ? 'inconclusive' : 'clean'
}

const SEVERITIES = ['error', 'inconclusive', 'warning', 'note']

function inOrder(a: Finding, b: Finding): number {
  const key = ({ severity, rule, subject }: Finding) => `${SEVERITIES.indexOf(severity)} ${rule} ${subject}`
  return key(a) < key(b) ? -1 : 1
}

function auditedLock({ lockfile, path, platform, locked }: LockSubject): AuditReport['lock'] {
  return {
    recipe: lockfile.recipe,
    ...(path === undefined ? {} : { path }),
    platform,
    image: locked.image?.id ?? null,
  }
}

function auditedPackages(
  { inventory }: ImageSubject,
  packages: ReadonlyMap<string, LockedPackage>,
  expected: ExpectedFiles,
): AuditedPackage[] {
  return inventory.packages.map(
    ({ kind, name, version, architecture, environment, origin, license, files, record }) => {
      const id = packageId({ kind, name })
      const own = packages.get(id)
      const bringer = expected.at(expected.place(record)).at(-1)?.owner
      const lock = own?.version === version ? own : packages.get(bringer ?? '')
      return {
        kind,
        name,
        version,
        ...(architecture === undefined ? {} : { architecture }),
        ...(environment === undefined ? {} : { environment }),
        step: lock?.step ?? null,
        ...(lock?.artifact === undefined ? {} : { artifact: lock.artifact }),
        ...(origin === undefined ? {} : { origin }),
        ...(license === undefined ? {} : { license }),
        files: files.length,
      }
    },
  )
}
