import type { FileTree } from '../../image/file-tree.ts'
import type { Inode } from '../../image/layer-entry.ts'
import type { AuditedChange, FileTally, JudgedFiles } from '../audit-report.ts'
import { credentialIn } from '../credentials.ts'
import type { ExpectedFile } from '../expect/expected-files.ts'
import { TreeFileList } from '../file-list.ts'
import type { Issue } from '../finding.ts'
import { isOfImageBase, type JudgeContext, type Judgement } from './judge-context.ts'
import { judgeFile } from './judge-file.ts'
import { missingFiles } from './judge-missing.ts'
import { judgeNonRegular } from './judge-non-regular.ts'
import { judgePermissions } from './judge-permissions.ts'
import { stepChange } from './step-changes.ts'

export interface ImageJudgement {
  files: JudgedFiles
  issues: Issue[]
}

/** Judges every path of an image, and every expected one that is not there; at most one issue a path. */
export function judgeImage(context: JudgeContext): ImageJudgement {
  const tally = new Tally(context.image.tree)
  const issues: Issue[] = []
  const found = (issue: Issue | undefined) => void (issue && issues.push(issue))
  const changes: AuditedChange[] = []
  /** What is left of an issue when no step of the locked image made the path so. */
  const unlessChanged = (path: string, inode: Inode, issue: Issue | undefined) => {
    const change = issue && stepChange(path, inode, issue, context)
    if (change === undefined) return issue
    changes.push(change)
    return undefined
  }
  const present = new Set<readonly ExpectedFile[]>()
  for (const { path, directory, name, inode } of context.image.tree.files()) {
    const owners = context.expected.in(directory, name)
    if (owners.length > 0) present.add(owners)
    if (inode.type === 'file') {
      const judged = judgeFile(path, inode, owners, context)
      const content = unlessChanged(path, inode, judged.issue)
      const judgement = judged.issue === content ? judged : changedBy(judged, changes.at(-1))
      tally.add(path, inode, judgement)
      const permissions = unlessChanged(path, inode, judgePermissions(path, inode, owners, context))
      found(worstIssue(path, inode, judgement, permissions))
    } else {
      const issue = unlessChanged(path, inode, judgeNonRegular(path, inode, owners, context))
      const privilege = unlessChanged(path, inode, judgePermissions(path, inode, owners, context))
      found(issue === undefined || isWorse(privilege, issue) ? privilege : issue)
    }
  }
  issues.push(...missingFiles(context, present), ...coveredCredentials(context))
  const files = { ...tally.files(), changes: changes.sort(byPathAndRule) }
  return { files, issues }
}

/** A file that a step of the locked image changed is that step's. */
function changedBy({ owner }: Judgement, change: AuditedChange | undefined): Judgement {
  const reason = `modified by ${change?.by}`
  return { status: 'generated', ...(owner === undefined ? {} : { owner }), reason }
}

/** A credential before all else; then content that differs; then privileges; then other content. */
function worstIssue(
  path: string,
  inode: Inode,
  judgement: Judgement,
  privilege: Issue | undefined,
): Issue | undefined {
  const { status, issue } = judgement
  const isOfPackage = status === 'intact' && !SOURCES.test(judgement.owner ?? '')
  const credential = isOfPackage ? undefined : credentialIssue(path, inode, judgement)
  if (credential !== undefined) return credential
  return issue?.rule === 'file-modified' || (issue !== undefined && privilege?.rule === 'file-mode')
    ? issue
    : (privilege ?? issue)
}

/** A privilege says more than that nobody has such a path. */
function isWorse(privilege: Issue | undefined, { rule }: Issue): boolean {
  return rule === 'file-unexplained' && privilege !== undefined && privilege.rule !== 'file-mode'
}

/** Steps that bring files from elsewhere than packages. */
const SOURCES = /^(project|git|file|copy)-\d+$/

/** Whoever has an image has all of its layers: also what a layer above deletes. */
function coveredCredentials({ image: { covered, tree }, lock }: JudgeContext): Issue[] {
  return covered.flatMap(({ path, inode }) => {
    if (isOfImageBase(inode, lock)) return []
    const what = credentialIn(path, inode)
    const present = tree.findLink(path)?.inode
    // one that is there is told already
    if (what === undefined || (present !== undefined && credentialIn(path, present) !== undefined)) return []
    const message = `a layer holds ${what} that a layer above deletes or replaces: whoever has the image has it`
    return [{ rule: 'credential', path, message, evidence: [`layer ${inode.layer}`] }]
  })
}

function credentialIssue(path: string, inode: Inode, { owner, issue }: Judgement): Issue | undefined {
  const what = credentialIn(path, inode)
  if (what === undefined) return undefined
  return {
    rule: 'credential',
    path,
    message: `the file holds ${what}`,
    ...(owner === undefined ? {} : { owner }),
    ...(issue === undefined ? {} : { evidence: [issue.message] }),
  }
}

interface Count {
  files: number
  bytes: number
}

/** Sums up what became of regular files; hard links count once. */
class Tally {
  readonly #byStatus: FileTally = {
    intact: { files: 0, bytes: 0 },
    modified: { files: 0, bytes: 0 },
    generated: { files: 0, bytes: 0 },
    unexplained: { files: 0, bytes: 0 },
  }
  readonly #byReason = new Map<string, Count>()
  readonly #listed: Record<'unexplained' | 'modified', TreeFileList>
  readonly #counted = new Set<Inode>()

  constructor(tree: FileTree) {
    this.#listed = { unexplained: new TreeFileList(tree), modified: new TreeFileList(tree) }
  }

  add(path: string, inode: Inode, { status, owner, reason = '' }: Judgement): void {
    if (status === 'modified' || status === 'unexplained') this.#listed[status].add(path, owner)
    if (this.#counted.has(inode)) return
    if (inode.isShared) this.#counted.add(inode)
    count(this.#byStatus[status], inode)
    if (status !== 'generated') return
    let sum = this.#byReason.get(reason)
    if (sum === undefined) {
      sum = { files: 0, bytes: 0 }
      this.#byReason.set(reason, sum)
    }
    count(sum, inode)
  }

  files(): Omit<JudgedFiles, 'changes'> {
    const { intact, generated } = this.#byStatus
    const all = Object.values(this.#byStatus).reduce((sum, { bytes }) => sum + bytes, 0)
    return {
      account: this.#byStatus,
      explainedShare: all === 0 ? 1 : (intact.bytes + generated.bytes) / all,
      generated: [...this.#byReason]
        .map(([reason, sum]) => ({ reason, ...sum }))
        .sort((a, b) => b.bytes - a.bytes || (a.reason < b.reason ? -1 : 1)),
      unexplained: this.#listed.unexplained,
      modified: this.#listed.modified,
    }
  }
}

export const byPathAndRule = (a: AuditedChange, b: AuditedChange) =>
  (a.path === b.path ? a.rule < b.rule : a.path < b.path) ? -1 : 1

function count(sum: Count, { size }: Inode): void {
  sum.files += 1
  sum.bytes += size
}
