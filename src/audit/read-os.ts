import type { FileTree } from '../image/file-tree.ts'

/** `ID` and `VERSION_ID` of an image's os-release(5); undefined when it has none, as Debian's unstable has no version. */
export function readOs(tree: FileTree): { id: string; version: string } | undefined {
  const text = (tree.read('etc/os-release') ?? tree.read('usr/lib/os-release'))?.toString('utf8') ?? ''
  const value = (name: string) => new RegExp(`^${name}=["']?([A-Za-z0-9._-]+)["']?$`, 'm').exec(text)?.[1]
  const [id, version] = [value('ID'), value('VERSION_ID')]
  return id === undefined || version === undefined ? undefined : { id, version }
}
