import type { FileTree } from '../../../image/file-tree.ts'
import { baseOf, parentOf } from '../../../inventory/tree-paths.ts'

const TEMPLATE = 'usr/share/debianutils/shells'

/** The login shells of packages as update-shells(8) collects them, each also by its place without symlinks, in its order. */
export function packageShells(tree: FileTree): string[] {
  const files = [TEMPLATE, ...tree.list(`${TEMPLATE}.d`).map((name) => `${TEMPLATE}.d/${name}`)]
  return files.flatMap((file) =>
    (tree.read(file)?.toString('latin1') ?? '')
      .split('\n')
      .map((line) => line.replace(/#.*/, ''))
      .filter((line) => line !== '')
      .flatMap((line) => [...new Set([line, realPath(tree, line)])]),
  )
}

function realPath(tree: FileTree, path: string): string {
  const directory = tree.find(parentOf(path))?.path
  return directory === undefined ? path : `/${directory}/${baseOf(path)}`
}

/** Lines of the template that are comments: they stay as they are. */
export function shellComments(tree: FileTree): string[] {
  return (tree.read(TEMPLATE)?.toString('latin1') ?? '').split('\n').filter((line) => line.startsWith('#'))
}
