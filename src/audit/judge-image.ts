import type { Inode } from '../image/layer-entry.ts'
import type { AuditedFile, AuditedFiles } from './audit-report.ts'
import { credentialIn } from './credentials.ts'
import { type ExpectedFile, showPath } from './expected-files.ts'
import type { FileAccount } from './finding.ts'
import { type Issue, isOfImageBase, type JudgeContext, type Judgement, judgeFile } from './judge-file.ts'
import { judgeOther } from './judge-link.ts'
import { permissionIssue } from './judge-permissions.ts'

export interface ImageJudgement {
  files: AuditedFiles
  issues: Issue[]
}

/** Judges every path of an image, and every expected one that is not there. */
export function judgeImage(context: JudgeContext): ImageJudgement {
  const account: FileAccount = {
    intact: { files: 0, bytes: 0 },
    modified: { files: 0, bytes: 0 },
    generated: { files: 0, bytes: 0 },
    unexplained: { files: 0, bytes: 0 },
  }
  const generated = new Map<string, { files: number; bytes: number }>()
  const files: Pick<AuditedFiles, 'unexplained' | 'modified'> = { unexplained: [], modified: [] }
  const issues: Issue[] = []
  const counted = new Set<Inode>()
  const present = new Set<readonly ExpectedFile[]>()
  for (const { path, directory, name, inode } of context.image.tree.files()) {
    const owners = context.expected.in(directory, name)
    if (owners.length > 0) present.add(owners)
    if (inode.type === 'file') {
      const judgement = judgeFile(path, inode, owners, context)
      const { status, reason, issue } = judgement
      if (status === 'modified' || status === 'unexplained')
        files[status].push(toAudited(path, inode, judgement))
      if (!counted.has(inode)) {
        if (inode.isShared) counted.add(inode)
        count(account[status], inode)
        if (status === 'generated') count(entry(generated, reason ?? ''), inode)
      }
      const found = status === 'intact' ? undefined : credentialIssue(path, inode, judgement)
      const privilege = permissions(path, inode, owners, context)
      if (found !== undefined) issues.push(found)
      else if (privilege !== undefined && issue?.rule !== 'file-modified') issues.push(privilege)
      else if (issue !== undefined) issues.push(issue)
    } else {
      const issue =
        inode.type === 'directory' ? directoryIssue(path, owners, context) : judgeOther(path, inode, context)
      const found = issue ?? permissions(path, inode, owners, context)
      if (found !== undefined) issues.push(found)
    }
  }
  issues.push(...missingFiles(context, present))
  const all = Object.values(account).reduce((sum, { bytes }) => sum + bytes, 0)
  return {
    issues,
    files: {
      account,
      explainedShare: all === 0 ? 1 : (account.intact.bytes + account.generated.bytes) / all,
      generated: [...generated]
        .map(([reason, sum]) => ({ reason, ...sum }))
        .sort((a, b) => b.bytes - a.bytes || (a.reason < b.reason ? -1 : 1)),
      unexplained: files.unexplained.sort(byPath),
      modified: files.modified.sort(byPath),
    },
  }
}

const byPath = (a: AuditedFile, b: AuditedFile) => (a.path < b.path ? -1 : 1)

function count(sum: { files: number; bytes: number }, { size }: Inode): void {
  sum.files += 1
  sum.bytes += size
}

function entry(sums: Map<string, { files: number; bytes: number }>, reason: string) {
  const known = sums.get(reason)
  if (known !== undefined) return known
  const fresh = { files: 0, bytes: 0 }
  sums.set(reason, fresh)
  return fresh
}

function toAudited(path: string, { size, sha256, layer }: Inode, { owner }: Judgement): AuditedFile {
  return {
    path: showPath(path),
    size,
    sha256,
    ...(layer === undefined ? {} : { layer }),
    ...(owner === undefined ? {} : { owner }),
  }
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

function permissions(
  path: string,
  inode: Inode,
  owners: ReturnType<JudgeContext['expected']['at']>,
  { check }: JudgeContext,
): Issue | undefined {
  if (isOfImageBase(inode, check?.lock)) return undefined
  return permissionIssue(path, inode, owners, (owner, { mode }) => {
    const texts = check === undefined ? [] : maintainerScripts(owner, check)
    const name = path.slice(path.lastIndexOf('/') + 1)
    return texts.some((text) => setsMode(text, name, mode === inode.mode ? undefined : inode.mode))
  })
}

function maintainerScripts(owner: string, { lock, packages }: NonNullable<JudgeContext['check']>): string[] {
  const sha256 = packages.get(owner)?.artifact?.sha256 ?? ''
  const control = lock.contents.artifacts.get(sha256)?.control ?? {}
  return [control['preinst']?.text, control['postinst']?.text].flatMap((text) => text ?? [])
}

/** Whether a script gives a file of that name another owner, and the mode that it has. */
function setsMode(script: string, name: string, mode: number | undefined): boolean {
  if (!script.includes(name) || !/\b(chown|chgrp|chmod|install|dpkg-statoverride)\b/.test(script))
    return false
  return mode === undefined || new RegExp(`\\b0?${mode.toString(8)}\\b`).test(script)
}

function directoryIssue(
  path: string,
  owners: ReturnType<JudgeContext['expected']['at']>,
  { check }: JudgeContext,
): Issue | undefined {
  const last = owners.at(-1)
  if (check === undefined || last === undefined || owners.some(({ type }) => type === 'directory'))
    return undefined
  const message = `it is a directory, and ${last.owner} has a ${last.type} there`
  return { rule: 'file-modified', path, owner: last.owner, message, expected: last.type, actual: 'directory' }
}

/** What every build leaves out. */
const SCRUBBED =
  /^(dev|proc|sys)\/|^(run|tmp|var\/tmp|var\/lib\/apt\/lists|var\/cache\/apt|var\/cache\/man|var\/log)\//

/** @param present what is expected at the paths that were met in the tree */
function missingFiles(
  { expected, image, check }: JudgeContext,
  present: ReadonlySet<readonly ExpectedFile[]>,
): Issue[] {
  const accounts = check === undefined ? [] : ['etc/passwd', 'etc/group', 'etc/shadow', 'etc/gshadow']
  const issues: Issue[] = accounts
    .filter((path) => image.tree.find(path) === undefined)
    .map((path) => ({ rule: 'file-missing', path, message: 'the account file is not there' }))
  for (const [path, files] of expected.entries()) {
    if (present.has(files)) continue
    const [file] = files
    if (file === undefined || files.some(({ optional }) => optional) || SCRUBBED.test(path)) continue
    if (image.tree.findLink(path) !== undefined) continue
    const { owner, type } = file
    issues.push({ rule: 'file-missing', path, owner, message: `the ${type} of ${owner} is not there` })
  }
  return issues
}
