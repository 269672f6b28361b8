// What a digest thread runs, see digest-threads.ts: takes the sha256 of parts of files, one after the other.
import { createHash } from 'node:crypto'
import { closeSync, constants, fstatSync, openSync, readSync } from 'node:fs'
import { parentPort } from 'node:worker_threads'
import type { DigestResult, DigestTask } from './digest-threads.ts'

const memory = new Uint8Array(1024 * 1024)

parentPort?.on('message', (task: DigestTask) => {
  let result: DigestResult
  try {
    result = { id: task.id, hex: digest(task) }
  } catch (error) {
    result = { id: task.id, problem: (error as Error).message }
  }
  parentPort?.postMessage(result)
})

function digest({ path, state, from, size }: DigestTask): string {
  const hash = createHash('sha256')
  const file = openSync(path, constants.O_RDONLY | constants.O_NONBLOCK)
  try {
    for (let at = 0; at < size; ) {
      const read = readSync(file, memory, 0, Math.min(memory.length, size - at), from + at)
      if (read === 0) throw new Error('it is shorter than it was')
      hash.update(memory.subarray(0, read))
      at += read
    }
    const { ino, ctimeNs } = fstatSync(file, { bigint: true })
    if (`${ino} ${ctimeNs}` !== state) throw new Error('it was changed while it was read')
    return hash.digest('hex')
  } finally {
    closeSync(file)
  }
}
