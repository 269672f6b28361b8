import { isSameVersion } from '../formats/versions/compare-pep440.ts'
import type { FileTree } from '../image/file-tree.ts'
import { treeDigest } from '../image/tree-digest.ts'
import type { Inventory } from '../inventory/inventory.ts'
import type { AuditedImage, AuditedLock, AuditedPackage, AuditResult, AuditTrust } from './audit-report.ts'
import { REPORT_VERSION } from './audit-report.ts'
import { compareConfig, expectedConfig, readConfig, redactConfig } from './compare/compare-config.ts'
import { compareIdentity, comparePackaging } from './compare/compare-identity.ts'
import { comparePackages, NO_COMPARISON, type PackageComparison } from './compare/compare-packages.ts'
import { compareTree, type PathKnowledge } from './compare/compare-tree.ts'
import { configCredentials } from './credentials.ts'
import { expectInventory } from './expect/expect-installed.ts'
import { expectLock } from './expect/expect-lock.ts'
import type { ExpectedFiles } from './expect/expected-files.ts'
import { inBase, type LockedPackage, lockedPackages, packageId } from './expect/locked-packages.ts'
import { expectAdditions, isMountPoint, missingAdditions } from './expect/sif-additions.ts'
import { type Finding, findingsOf, type Issue, showPath, strayPaths, toFinding } from './finding.ts'
import { isOfRecipe, judgeContext } from './judge/judge-context.ts'
import { byPathAndRule, judgeImage } from './judge/judge-image.ts'
import { installedBy } from './judge/step-changes.ts'
import { strictFindings, trustOf } from './judge-trust.ts'
import { applyPolicy, type PolicyException } from './policy.ts'
import { type RuleId, rulesFor } from './rules.ts'
import type { ImageSubject, LockSubject } from './subject.ts'

export interface AuditPolicy {
  ignore: readonly PolicyException[]
  /** ISO 8601 date. */
  today: string
  /** Whether what is taken on trust is a finding. */
  strict?: boolean
}

/** What the rules said of the locked image, when they found nothing. */
export type Explanation = Pick<AuditResult, 'files' | 'packages'>

/**
 * Says what is in an image, whose each file is, and in what it differs from the lock. Without a lock, files are compared
 * with what their own packages say of them.
 */
export function auditImage(
  image: ImageSubject,
  lock: LockSubject | undefined,
  policy: AuditPolicy,
): AuditResult {
  const packages = lockedPackages(lock?.locked)
  const expected = lock === undefined ? expectInventory(image) : expectLock(image, lock, packages)
  if (image.sif) expectAdditions(expected, image.tree, image.sif)
  const context = judgeContext(image, lock, packages, expected)
  const comparison =
    lock === undefined
      ? NO_COMPARISON
      : comparePackages(
          image.inventory,
          packages,
          expected,
          inBase(lock.locked),
          ({ record }) => isOfRecipe(image.tree.findLink(record)?.inode, lock),
          (found, instead) => installedBy(found, instead, context),
        )
  const judgement = judgeImage(context)
  const files = {
    ...judgement.files,
    changes: [...judgement.files.changes, ...comparison.changes].sort(byPathAndRule),
  }
  const tree = image.digest ?? treeDigest(image.tree.root)
  const found = { image, tree, expected, comparison, issues: judgement.issues }
  const findings = lock === undefined ? ruleFindings(found, lock) : lockedFindings(found, lock)
  const trust = trustOf(image, tree, lock, lock?.contents.missing.length ?? 0)
  const explanation = { files, packages: auditedPackages(image.inventory, packages, expected) }
  return reportOf({ image, tree, lock, trust, explanation }, findings, policy)
}

/** Whether an image has the files of the locked one, in the same layers. */
export function isLockedTree(
  { layers }: Pick<ImageSubject, 'layers'>,
  digest: string,
  { image }: Pick<LockSubject['locked'], 'image'>,
): boolean {
  return image?.tree === digest && layers.map(({ diffID }) => diffID).join() === image.diffIDs.join()
}

/**
 * The audit of an image with the files of the locked one, in the same layers, whose rules found nothing before: they would
 * say the same again.
 */
export function auditLocked(
  image: Omit<ImageSubject, 'inventory'>,
  lock: Omit<LockSubject, 'contents' | 'layers'>,
  explanation: Explanation,
  policy: AuditPolicy,
): AuditResult {
  const tree = image.digest ?? treeDigest(image.tree.root)
  const { image: locked } = lock.locked
  if (locked === null || !isLockedTree(image, tree, lock.locked)) throw new Error('not the locked files')
  const config = configFindings(image, lock)
  const findings = [...comparePackaging(image, locked, config.length > 0), ...config]
  return reportOf(
    { image, tree, lock, trust: trustOf(image, tree, lock, 0, true), explanation },
    findings,
    policy,
  )
}

function reportOf(
  about: {
    image: Omit<ImageSubject, 'inventory'>
    tree: string
    lock: Omit<LockSubject, 'contents' | 'layers'> | undefined
    trust: AuditTrust
    explanation: Explanation
  },
  findings: readonly Finding[],
  { ignore, today, strict }: AuditPolicy,
): AuditResult {
  const { image, tree, lock, trust, explanation } = about
  const all = strict ? [...findings, ...strictFindings(trust)] : findings
  const judged = applyPolicy(all, ignore, today)
  return {
    reportVersion: REPORT_VERSION,
    image: auditedImage(image, tree),
    lock: lock === undefined ? null : auditedLock(lock),
    verdict: verdict(judged.findings),
    trust,
    packages: explanation.packages,
    files: explanation.files,
    findings: judged.findings.sort(inOrder),
    ignored: judged.ignored.sort(inOrder),
    rules: rulesFor(lock !== undefined).filter((id) => strict || id !== 'trust'),
  }
}

/** What the rules made of an image. */
interface Found {
  image: ImageSubject
  /** Its tree digest. */
  tree: string
  expected: ExpectedFiles
  comparison: PackageComparison
  issues: readonly Issue[]
}

/** What the rules alone find. */
function ruleFindings({ image, comparison, issues }: Found, lock: LockSubject | undefined): Finding[] {
  return [
    ...comparison.findings,
    ...findingsOf(issues, comparison),
    ...configFindings(image, lock),
    ...modifiedCheckouts(image.inventory),
    ...unreadable(image.inventory, lock),
  ]
}

/**
 * In what an image differs from a lock. The locked tree decides where it is at hand; the tree digest does where it is the
 * locked one. Else the rules decide.
 */
function lockedFindings(found: Found, lock: LockSubject): Finding[] {
  const { image, tree } = found
  const { image: locked } = lock.locked
  if (locked === null) return ruleFindings(found, lock)
  const config = configFindings(image, lock)
  if (tree === locked.tree) {
    if (image.sif) return [...config, ...dangers(found)]
    const packaging = comparePackaging(image, locked, config.length > 0)
    // rules that ask for the layer of a file have nothing to go by in other layers
    const isOther = packaging.some(({ rule }) => rule === 'layer-digest')
    return isOther
      ? [...packaging, ...config, ...dangers(found)]
      : [...packaging, ...ruleFindings(found, lock)]
  }
  if (lock.tree === undefined) {
    const identity = compareIdentity(image, tree, lock.locked)
    // its one layer is none of the locked image's in any case
    const told = image.sif ? identity.filter(({ rule }) => rule === 'tree-digest') : identity
    return [...told, ...ruleFindings(found, lock)]
  }
  const compared = compareTree(lock.tree, (image.sif ?? image.tree).root, knowledgeOf(found))
  const differing = image.sif
    ? compared.filter(
        ({ rule, subject }) => rule !== 'file-unexplained' || !isMountPoint(subject, image.tree),
      )
    : compared
  const subjects = new Set(differing.map(({ subject }) => subject))
  // what rules find amiss in a file that is as locked, is so in the locked image, too
  const others = lock.contents.missing.length > 0 ? [] : dangers(found)
  return [...differing, ...others.filter(({ subject }) => !subjects.has(subject)), ...config]
}

const DANGERS = new Set<RuleId>(['credential', 'setuid', 'world-writable'])

/**
 * What rules find amiss in a file by itself, whatever it is compared with. In a SIF nothing tells which step made a file, and
 * so may give it privileges: what differs from the locked tree in these is told anyway.
 */
function dangers({ image, issues }: Found): Finding[] {
  return issues.filter(({ rule }) => (image.sif ? rule === 'credential' : DANGERS.has(rule))).map(toFinding)
}

function knowledgeOf({ image, expected, comparison, issues }: Found): PathKnowledge {
  const issueAt = new Map(issues.map((issue) => [issue.path, issue]))
  const strays = comparison.strays.map((stray) => ({
    isOf: strayPaths([stray]),
    id: packageId(stray),
    note: `${packageId(stray)} ${stray.version} is installed, which is not as locked`,
  }))
  return {
    issueAt: (path) => issueAt.get(path),
    ownerOf: (path) =>
      expected.at(image.tree.findLink(path)?.path ?? path).at(-1)?.owner ??
      strays.find(({ isOf }) => isOf(path))?.id,
    notesOf: (path) => strays.filter(({ isOf }) => isOf(path)).map(({ note }) => note),
  }
}

/** Differences in the config and credentials in it: what is a credential is reported as nothing else. */
function configFindings(
  { config, sif }: Pick<ImageSubject, 'config' | 'sif'>,
  lock: Pick<LockSubject, 'recipe' | 'locked'> | undefined,
): Finding[] {
  if (sif) return lock ? missingAdditions(lock, sif) : []
  if (lock === undefined) return configCredentials(config, {})
  const { recipe, locked } = lock
  const credentials = configCredentials(config, expectedConfig(recipe, locked.base).env)
  const subjects = new Set(credentials.map(({ subject }) => subject))
  const differences = compareConfig(config, recipe, locked.base)
  return [...differences.filter(({ subject }) => !subjects.has(subject)), ...credentials]
}

function modifiedCheckouts({ packages }: Inventory): Finding[] {
  return packages
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

function unreadable({ problems }: Inventory, lock: LockSubject | undefined): Finding[] {
  const finding = (subject: string, message: string): Finding => ({
    rule: 'inconclusive',
    severity: 'inconclusive',
    subject,
    message,
  })
  return [
    ...problems.map(({ path, reason }) => finding(showPath(path), reason)),
    ...(lock?.contents.missing ?? []).map(({ name, reason }) =>
      finding(`artifact/${name}`, `its files cannot be compared with the locked ones: ${reason}`),
    ),
  ]
}

function verdict(findings: readonly Finding[]): AuditResult['verdict'] {
  if (findings.some(({ severity }) => severity === 'error')) return 'findings'
  return findings.some(({ severity }) => severity === 'inconclusive') ? 'inconclusive' : 'clean'
}

const SEVERITIES = ['error', 'inconclusive', 'warning', 'note']

function inOrder(a: Finding, b: Finding): number {
  const key = ({ severity, rule, subject }: Finding) => `${SEVERITIES.indexOf(severity)} ${rule} ${subject}`
  return key(a) < key(b) ? -1 : 1
}

function auditedImage(
  { reference, id, config, layers, tree }: Omit<ImageSubject, 'inventory'>,
  digest: string,
): AuditedImage {
  const os = readOs(tree)
  const { created } = config
  return {
    reference,
    id,
    diffIDs: layers.map(({ diffID }) => diffID),
    size: layers.reduce((sum, { size }) => sum + size, 0),
    tree: digest,
    entries: tree.count(),
    config: redactConfig(readConfig(config)),
    ...(os === undefined ? {} : { os }),
    ...(typeof created === 'string' ? { created } : {}),
  }
}

/** `ID` and `VERSION_ID` of an image's os-release(5); undefined when it has none, as Debian's unstable has no version. */
function readOs(tree: FileTree): AuditedImage['os'] {
  const text = (tree.read('etc/os-release') ?? tree.read('usr/lib/os-release'))?.toString('utf8') ?? ''
  const value = (name: string) => new RegExp(`^${name}=["']?([A-Za-z0-9._-]+)["']?$`, 'm').exec(text)?.[1]
  const [id, version] = [value('ID'), value('VERSION_ID')]
  return id === undefined || version === undefined ? undefined : { id, version }
}

function auditedLock({
  lockfile,
  path,
  platform,
  locked,
}: Omit<LockSubject, 'contents' | 'layers'>): AuditedLock {
  return {
    recipe: lockfile.recipe,
    ...(path === undefined ? {} : { path }),
    platform,
    image: locked.image?.id ?? null,
  }
}

function auditedPackages(
  inventory: Inventory,
  packages: ReadonlyMap<string, LockedPackage>,
  expected: ExpectedFiles,
): AuditedPackage[] {
  return inventory.packages.map(
    ({ kind, name, version, architecture, environment, origin, license, files, record }) => {
      const own = packages.get(packageId({ kind, name }))
      const parent = expected.at(expected.place(record)).at(-1)?.owner
      const isOwn = kind === 'pypi' ? isSameVersion(own?.version, version) : own?.version === version
      const lock = isOwn ? own : packages.get(parent ?? '')
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
