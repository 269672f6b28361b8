import { spawn } from 'node:child_process'
import { extname } from 'node:path'
import { fileURLToPath } from 'node:url'
import { isPrivateEngine } from '../../engine/private/private-engine.ts'
import type { Cache } from '../ports.ts'

const CHILD = fileURLToPath(new URL(`reduce-child${extname(import.meta.url)}`, import.meta.url))

/**
 * Has what no later build needs taken out of a private engine's build cache, by a process of its own: to remove many files
 * takes longer than most builds, and nobody has to wait for it. Other engines are not stillroom's alone.
 */
export function reduceBuildCache({ cache }: Cache): void {
  if (!isPrivateEngine(cache, process.env)) return
  const child = spawn(process.execPath, [...process.execArgv, CHILD, cache, String(process.pid)], {
    detached: true,
    stdio: 'ignore',
  })
  // what is not removed now is after the next build
  child.on('error', () => {})
  child.unref()
}
