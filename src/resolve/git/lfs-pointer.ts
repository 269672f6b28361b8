import type { Leaf } from '../../formats/git/git-object.ts'
import { type GitRunner, runLocalGit } from './run-git.ts'

export interface LfsObject {
  /** sha256 of the content. */
  oid: string
  size: number
}

/** A pointer is smaller: https://github.com/git-lfs/git-lfs/blob/main/docs/spec.md */
export const POINTER_LIMIT = 1024

/** What a pointer file says; undefined for any other file. */
export function parsePointer(content: Uint8Array): LfsObject | undefined {
  if (content.length >= POINTER_LIMIT) return undefined
  const lines = Buffer.from(content).toString('utf8').split('\n')
  if (!/^version https?:\/\/(git-lfs\.github\.com|hawser\.github\.com)\/spec\/v1\r?$/.test(lines[0] ?? ''))
    return undefined
  const [, oid] = lines.map((line) => /^oid sha256:([0-9a-f]{64})\r?$/.exec(line)).find(Boolean) ?? []
  const [, size] = lines.map((line) => /^size (\d{1,15})\r?$/.exec(line)).find(Boolean) ?? []
  return oid === undefined || size === undefined ? undefined : { oid, size: Number(size) }
}

/** Those of a tree's files that its own .gitattributes, and no attributes of this machine, leave to git-lfs. */
export async function lfsFiles(
  directory: string,
  tree: string,
  leaves: readonly Leaf[],
  runner: GitRunner,
): Promise<Leaf[]> {
  if (!leaves.some(({ path }) => /(^|\/)\.gitattributes$/.test(path))) return []
  const here = ['-c', 'core.attributesFile=/dev/null', '-C', directory]
  await runLocalGit(runner, [...here, 'read-tree', tree])
  const paths = leaves.map(({ path }) => `${path}\0`).join('')
  const args = [...here, 'check-attr', '--cached', '-z', '--stdin', 'filter']
  const alone = { ...runner, env: { ...runner.env, GIT_ATTR_NOSYSTEM: '1' } }
  const answer = await runLocalGit(alone, args, Buffer.from(paths, 'latin1'))
  const fields = answer.toString('latin1').split('\0')
  const filtered = new Set<string>()
  for (let at = 0; at + 2 < fields.length; at += 3)
    if (fields[at + 2] === 'lfs') filtered.add(fields[at] as string)
  return leaves.filter(({ path }) => filtered.has(path))
}
