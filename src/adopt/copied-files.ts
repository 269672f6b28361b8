/** What COPY or ADD brings from the build context, and where it is in the image. */
export interface CopiedFile {
  /** In the build context, without a slash at the end; `.` for all of it. */
  source: string
  /** In the image: the file, or the directory that has what the source has. */
  target: string
  isDirectory: boolean
  /** The files of the source that it is about, where not all are. */
  pattern?: string
}

type ContextFile = (path: string) => string | undefined

/** A path of the image, as a program that runs in `cwd` has it. */
export function resolvePath(cwd: string, path: string): string {
  const parts: string[] = []
  for (const part of (path.startsWith('/') ? path : `${cwd}/${path}`).split('/')) {
    if (part === '..') parts.pop()
    else if (part !== '' && part !== '.') parts.push(part)
  }
  return `/${parts.join('/')}`
}

/** Whether a path of the image is a directory, or in it. */
export const isBelow = (path: string, directory: string) =>
  path === directory || path.startsWith(directory === '/' ? '/' : `${directory}/`)

/** Whether the last word of COPY or ADD names a directory whatever it is given. */
export const namesDirectory = (to: string, sources: number) =>
  /\/$|^\.{1,2}$|\/\.{1,2}$/.test(to) || sources > 1

/** What one source of COPY or ADD brings. Without the build context, its name tells a file from a directory. */
export function copiedFile(
  written: string,
  target: string,
  isInDirectory: boolean,
  contextFile: ContextFile,
): CopiedFile {
  const source = written.replace(/^(\.?\/)+/, '').replace(/\/+$/, '') || '.'
  const name = source.replace(/^.*\//, '')
  if (/[*?[]/.test(source)) {
    const directory = source.includes('/') ? source.slice(0, source.lastIndexOf('/')) : '.'
    return { source: directory, target, isDirectory: true, pattern: source }
  }
  const isFile = contextFile(source) !== undefined || /[^.]\.\w+$/.test(name)
  if (!isFile) return { source, target, isDirectory: true }
  return { source, target: isInDirectory ? resolvePath(target, name) : target, isDirectory: false }
}

/** The file of the build context that a file of the image is; undefined when it is none. */
export function sourceOf(
  copied: readonly CopiedFile[],
  path: string,
  contextFile: ContextFile,
): string | undefined {
  for (const { source, target, isDirectory } of [...copied].reverse()) {
    if (!isDirectory && path === target) return contextFile(source) === undefined ? undefined : source
    if (!isDirectory || !isBelow(path, target)) continue
    const inner = path.slice(target.length).replace(/^\/+/, '')
    const found = source === '.' ? inner : `${source}/${inner}`
    if (contextFile(found) !== undefined) return found
  }
  return undefined
}

/** The image that uv is published in: pip steps stand for what uv installs. */
export const UV_IMAGE = /^(?:[\w.-]+(?::\d+)?\/)?astral-sh\/uv(?::([^@]+))?(?:@.*)?$/

/** A mount of files, as a RUN has it. */
export interface Mount {
  /** A stage or an image; of the build context when there is none. */
  from: string | undefined
  source: string
  /** Undefined when it is not said. */
  target: string | undefined
  /** Whether it binds files, and is no secret or the like. */
  isBind: boolean
}

/** The mounts of a RUN that bring files, and are not empty or those of an earlier build. */
export function mountsOf(flags: readonly { name: string; value: string }[]): Mount[] {
  return flags
    .filter(({ name, value }) => name === 'mount' && !/(^|,)type=(cache|tmpfs)(,|$)/.test(value))
    .map(({ value }) => {
      const option = (names: string) => new RegExp(`(?:^|,)(?:${names})=([^,]+)`).exec(value)?.[1]
      return {
        from: option('from'),
        source: option('source|src') ?? '.',
        target: option('target|dst|destination'),
        // bind is the type when none is said
        isBind: !/(^|,)type=(?!bind)/.test(value),
      }
    })
}

/** What the mounts of a RUN bring from the build context; undefined when one brings something else. */
export function mountedFiles(
  mounts: readonly Mount[],
  workdir: string,
  contextFile: ContextFile,
): CopiedFile[] | undefined {
  const files = mounts.map(({ from, source, target, isBind }) =>
    isBind && from === undefined && target !== undefined
      ? copiedFile(source, resolvePath(workdir, target), false, contextFile)
      : undefined,
  )
  return files.includes(undefined) ? undefined : (files as CopiedFile[])
}
