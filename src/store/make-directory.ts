import { mkdir } from 'node:fs/promises'
import { dirname } from 'node:path'
import { systemCode } from '../error.ts'

/** Makes a directory and those above it. Unlike Node's own `recursive`, tells EROFS as EROFS, not as ENOENT. */
export async function makeDirectory(path: string): Promise<void> {
  try {
    await mkdir(path)
  } catch (error) {
    const code = systemCode(error)
    if (code === 'EEXIST') return
    if (code !== 'ENOENT' || dirname(path) === path) throw error
    await makeDirectory(dirname(path))
    await makeDirectory(path)
  }
}
