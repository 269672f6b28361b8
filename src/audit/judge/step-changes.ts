import type { Inode } from '../../image/layer-entry.ts'
import type { InstalledPackage } from '../../inventory/inventory.ts'
import type { AuditedChange } from '../audit-report.ts'
import { type Issue, showPath } from '../finding.ts'
import type { RuleId } from '../rules.ts'
import { type JudgeContext, type LayerMaker, makerOf } from './judge-context.ts'

/** What a rule may find amiss in a path because a step of the locked image made it so. */
const CHANGES = new Set<RuleId>(['file-modified', 'file-mode', 'file-unexplained', 'byte-code', 'account'])
const DANGERS = new Set<RuleId>(['setuid', 'world-writable'])

/**
 * Says which step of the locked image made a path what a rule finds amiss in it; undefined when none may have. The layer
 * says which step wrote the path last: commands of the recipe may change whatever earlier steps brought, and maintainer
 * scripts what they name, what packages keep below /var, and what is brought empty. Privileges are given by maintainer scripts that name the path, or are found.
 */
export function stepChange(
  path: string,
  inode: Inode,
  issue: Issue,
  context: JudgeContext,
): AuditedChange | undefined {
  const maker = makerOf(inode, context)
  if (maker === undefined || maker.by === 'files') return undefined
  const scripts = context.expected.effects.namedBy(path)
  const isByScripts = scripts.length > 0 && (maker.by === 'packages' || inode.type === 'directory')
  if (DANGERS.has(issue.rule)) return isByScripts ? changeOf(issue, maker, scripts) : undefined
  if (!CHANGES.has(issue.rule) || issue.isSealed) return undefined
  if (maker.by === 'commands')
    return mayChange(maker, issue, context) ? changeOf(issue, maker, []) : undefined
  const isTheirs = isByScripts || issue.owner === undefined || isState(path) || issue.expected === EMPTY
  return isTheirs ? changeOf(issue, maker, scripts) : undefined
}

/** What packages' programs keep (hier(7)), and write as they are set up; but for what dpkg keeps of packages. */
const isState = (path: string) => /^var\/(lib\/(?!dpkg\/)|cache\/|log\/|spool\/|games\/)/.test(path)
/** A file that a package brings empty, for its programs to fill: `/var/lib/aspell/en.compat`. */
const EMPTY = 'sha256:e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855'

/**
 * The step of the locked image whose commands installed a package; undefined when none of them may have.
 *
 * @param instead the step whose package it replaces, which must come before
 */
export function installedBy(
  { record }: InstalledPackage,
  instead: string | undefined,
  context: JudgeContext,
): string | undefined {
  const inode = context.image.tree.findLink(record)?.inode
  const maker = inode && makerOf(inode, context)
  if (maker?.by !== 'commands') return undefined
  return instead === undefined || comesAfter(maker, instead, context) ? maker.name : undefined
}

/** Whether a step comes after the one that brought the file: it can't be meant to bring its own files otherwise. */
function mayChange(maker: LayerMaker, { owner }: Issue, context: JudgeContext): boolean {
  return owner === undefined || comesAfter(maker, context.packages.get(owner)?.step ?? owner, context)
}

function comesAfter({ name }: LayerMaker, step: string, { makers }: JudgeContext): boolean {
  const place = (wanted: string) => makers.findIndex((each) => each.name === wanted)
  return name === 'steps' || place(step) < place(name)
}

function changeOf(issue: Issue, { name }: LayerMaker, scripts: readonly string[]): AuditedChange {
  const { rule, path, message, owner, expected, actual } = issue
  return {
    path: showPath(path),
    by: name,
    ...(scripts.length === 0 ? {} : { scripts: [...scripts] }),
    rule,
    message,
    ...(owner === undefined ? {} : { owner }),
    ...(expected === undefined ? {} : { expected }),
    ...(actual === undefined ? {} : { actual }),
  }
}

/** Why a file that nobody brings may be there: the step whose layer it comes from made it. */
export function madeBy(path: string, { name, by }: LayerMaker, { expected }: JudgeContext): string {
  if (by === 'commands') return `made by the recipe's ${name}`
  const scripts = expected.effects.namedBy(path)
  return scripts.length === 0
    ? `made as the packages of step ${name} were set up`
    : `made by the maintainer scripts of ${scripts.join(', ')} in step ${name}`
}
