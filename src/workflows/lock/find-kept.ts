import { stat } from 'node:fs/promises'
import type { FindKept } from '../../resolve/python/fetch-files.ts'
import type { Locate } from '../../sources/locate.ts'
import type { Artifacts } from '../ports.ts'

/** Finds a file of a Python project in the store, by the one sum that all indexes that list it say it has. */
export function findKept({ store }: Artifacts, locate: Locate): FindKept {
  return async (name, file) => {
    const origin = { kind: 'pypi', name, file } as const
    const artifact = { name: file, file, sha256: '', size: 0, origin }
    // an index that cannot be read here, pip may read
    const sums = new Set((await locate(artifact).catch(() => [])).map(({ sha256 }) => sha256))
    const [sha256] = sums
    if (sums.size !== 1 || sha256 === undefined) return undefined
    const size = await stat(store.path(sha256)).then(
      (entry) => entry.size,
      () => undefined,
    )
    if (size === undefined || !(await store.verify({ sha256, size }))) return undefined
    return { file, size, sha256 }
  }
}
