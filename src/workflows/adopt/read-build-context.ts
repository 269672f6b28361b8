import { readFileSync, realpathSync, statSync } from 'node:fs'
import { readFile } from 'node:fs/promises'
import { join, resolve, sep } from 'node:path'
import { StillroomError, systemCode } from '../../error.ts'

/** Of a Dockerfile, and of a file of the build context. */
const LARGEST = { dockerfile: 256 * 1024, file: 4 * 1024 * 1024 }

/**
 * The text of a Dockerfile.
 *
 * @throws {StillroomError} DOCKERFILE_UNREADABLE
 */
export async function readDockerfileText(path: string, shown: string): Promise<string> {
  try {
    const bytes = await readFile(path)
    if (bytes.length > LARGEST.dockerfile)
      throw new StillroomError(
        'DOCKERFILE_UNREADABLE',
        `"${shown}" is larger than 256 KiB: it is hardly a Dockerfile`,
      )
    if (bytes.includes(0))
      throw new StillroomError('DOCKERFILE_UNREADABLE', `"${shown}" is not text: it has a NUL byte`)
    return bytes.toString('utf8')
  } catch (error) {
    if (error instanceof StillroomError) throw error
    const reason = {
      ENOENT: 'there is no such file',
      EISDIR: 'it is a directory',
      EACCES: 'it may not be read',
    }
    const why = reason[(systemCode(error) ?? '') as keyof typeof reason] ?? String(error)
    throw new StillroomError('DOCKERFILE_UNREADABLE', `cannot read "${shown}": ${why}`, {
      hint: 'name the Dockerfile by its path: path/to/Dockerfile',
      cause: error,
    })
  }
}

/** Gives the text of files in a build context; of none outside of it, where a link may lead, and of no large one. */
export function buildContext(directory: string): (path: string) => string | undefined {
  const place = resolve(directory)
  return (path) => {
    if (path.includes('\0')) return undefined
    try {
      const root = realpathSync(place)
      const file = realpathSync(join(root, path))
      if (!file.startsWith(root + sep)) return undefined
      const found = statSync(file)
      return found.isFile() && found.size <= LARGEST.file ? readFileSync(file, 'utf8') : undefined
    } catch {
      // the caller says what it could not read
      return undefined
    }
  }
}
