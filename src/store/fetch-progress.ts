import type { Artifact } from './artifact.ts'

/** Where a fetch stands. Bytes may go down: wrong ones don't count any more. */
export interface FetchProgress {
  bytesDone: number
  bytesTotal: number
  filesDone: number
  filesTotal: number
}

/** Adds up the progress of many artifacts, and tells `listen` of every change. */
export function createProgress(artifacts: readonly Artifact[], listen?: (progress: FetchProgress) => void) {
  const progress: FetchProgress = {
    bytesDone: 0,
    bytesTotal: artifacts.reduce((sum, { size }) => sum + size, 0),
    filesDone: 0,
    filesTotal: artifacts.length,
  }
  const received = new Map<string, number>()
  const set = ({ sha256 }: Artifact, bytes: number) => {
    progress.bytesDone += bytes - (received.get(sha256) ?? 0)
    received.set(sha256, bytes)
  }
  return {
    /** So many bytes of this artifact are there. */
    at: (artifact: Artifact, bytes: number) => {
      set(artifact, bytes)
      listen?.({ ...progress })
    },
    /** This artifact is there. */
    done: (artifact: Artifact) => {
      set(artifact, artifact.size)
      progress.filesDone += 1
      listen?.({ ...progress })
    },
  }
}
