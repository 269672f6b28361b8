import type { LockedContext } from '../judge-context.ts'
import { firstWrong, type GeneratedFile, TOO_LARGE } from './generated-file.ts'

const SHARE = 'usr/share/ca-certificates'

/** Each line names a certificate of the package, or switches one off. */
export function certificateListProblem(
  { text }: GeneratedFile,
  { image }: LockedContext,
): string | undefined {
  return firstWrong(
    text,
    (line) =>
      line.startsWith('#') || image.tree.find(`${SHARE}/${line.replace(/^!/, '')}`)?.inode.type === 'file',
  )
}

const BLOCK = /-----BEGIN CERTIFICATE-----.*?-----END CERTIFICATE-----/gs

/** Every certificate of the bundle is one of the package's. */
export function certificateBundleProblem(
  { text }: GeneratedFile,
  { image }: LockedContext,
): string | undefined {
  if (text === undefined) return TOO_LARGE
  const known = new Set<string>()
  for (const { inode } of image.tree.files(SHARE))
    for (const [block] of (inode.content?.toString('latin1') ?? '').matchAll(BLOCK)) known.add(block)
  const stray = [...text.matchAll(BLOCK)].findIndex(([block]) => !known.has(block))
  if (stray !== -1) return `its certificate number ${stray + 1} is of no package`
  return text.replaceAll(BLOCK, '').trim() === '' ? undefined : 'it holds more than certificates'
}
