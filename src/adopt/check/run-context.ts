import type { Position } from '../../formats/dockerfile/source-text.ts'
import type { Variables } from '../../formats/dockerfile/words.ts'
import type { RunCommand } from '../run-commands.ts'
import type { DockerfileRule } from './finding.ts'

/** Notes a finding. */
export type Add = (rule: DockerfileRule, at: Position, message: string, instead?: string) => void

/** One RUN, as rules see it. */
export interface RunContext {
  commands: readonly RunCommand[]
  variables: Variables
  /** Whether its files get into the image: the stage is the last one, or the last one stands on it. */
  isInImage: boolean
  /** Where caches and temporary file systems are mounted, that leave nothing behind. */
  mounts: readonly string[]
  /** Whether the archives of apt were set to those of one day. */
  isDated: boolean
  /** Commits that this RUN or a later one of the stage checks out. */
  hasCommit: boolean
  /** Text of a file beside the Dockerfile. */
  contextFile: (path: string) => string | undefined
  /** Whether a command of the same RUN removes all in a directory. */
  removes: (directory: string) => boolean
}

/** The places that commands empty or delete with all below. */
export function removedPaths(commands: readonly RunCommand[]): string[] {
  return commands.flatMap(({ program, args }) => {
    const words = args.map(({ value, text }) => value ?? text)
    if (program === 'rm' && words.some((word) => /^-\w*[rR]|^--recursive$/.test(word)))
      return words.filter((word) => !word.startsWith('-'))
    if (program === 'rm') return words.filter((word) => !word.startsWith('-') && !word.endsWith('/'))
    if (program === 'find' && words.some((word) => word === '-delete' || word === 'rm'))
      return words.slice(
        0,
        Math.max(
          1,
          words.findIndex((word) => word.startsWith('-')),
        ),
      )
    return []
  })
}

/** Whether one of the paths, as they are written, stands for a directory, or for all in it. */
export function covers(paths: readonly string[], directory: string): boolean {
  return paths
    .flatMap((path) => alternatives(path.replace(/["']/g, '')))
    .some((path) => {
      const bare = path.replace(/(\/\*+)+$/, '').replace(/\/+$/, '')
      // a pattern stands for what begins like it
      const star = bare.indexOf('*')
      if (star !== -1) return directory.startsWith(bare.slice(0, star)) && star > 1
      return bare !== '' && (directory === bare || directory.startsWith(`${bare}/`))
    })
}

/** What braces stand for: `/var/{cache,log}` is two paths. */
function alternatives(path: string, depth = 0): string[] {
  const [all, before = '', inner = '', after = ''] = /^(.*?)\{([^{}]*,[^{}]*)\}(.*)$/s.exec(path) ?? []
  if (all === undefined || depth > 4) return [path]
  return inner.split(',').flatMap((part) => alternatives(`${before}${part}${after}`, depth + 1))
}
