import { spawn } from 'node:child_process'
import { createHash } from 'node:crypto'
import { existsSync } from 'node:fs'
import { mkdir, readFile, rename } from 'node:fs/promises'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { fileURLToPath } from 'node:url'
import { execa } from 'execa'
import type { TreeRecord } from '../../src/image/tree-digest.ts'
import { TEST_PROGRAMS } from './test-programs.ts'

/** What an engine shows of layers, or why it does not unpack them. */
export type EngineTree = { tree: TreeRecord[]; error?: undefined } | { tree: null; error: string }

const SOURCES = fileURLToPath(new URL('../engine-tree', import.meta.url))

/** Why layers can't be unpacked as engines do; the program that does when they can. */
export async function engineTreeProgram(): Promise<{ reason: string } | { program: string }> {
  if (process.platform !== 'linux' || process.getuid?.() !== 0)
    return { reason: 'engines unpack layers as root on Linux' }
  const go = await execa('go', ['version'], { reject: false })
  if (go.exitCode !== 0) return { reason: "there is no Go to build the engines' unpackers with" }
  const hash = createHash('sha256').update(go.stdout)
  for (const name of ['main.go', 'go.mod', 'go.sum']) hash.update(await readFile(join(SOURCES, name)))
  const program = join(TEST_PROGRAMS, `engine-tree-${hash.digest('hex').slice(0, 16)}`)
  if (existsSync(program)) return { program }
  console.warn("building the engines' unpackers, which may take a minute")
  await mkdir(TEST_PROGRAMS, { recursive: true })
  const env = { GOFLAGS: '-mod=readonly -buildvcs=false', CGO_ENABLED: '0' }
  const unfinished = `${program}.${process.pid}`
  const download = await execa('go', ['mod', 'download'], { cwd: SOURCES, env, reject: false })
  if (download.exitCode !== 0)
    return { reason: `Go's modules are not at hand: ${download.stderr.slice(-200)}` }
  await execa('go', ['build', '-trimpath', '-o', unfinished, '.'], { cwd: SOURCES, env, stdin: 'ignore' })
  await rename(unfinished, program)
  return { program }
}

/** What moby and containerd show of layers, lowest first, of one case after the other. */
export async function* engineTrees(
  program: string,
  cases: Iterable<{ layers: readonly Buffer[] }>,
): AsyncGenerator<{ moby: EngineTree; containerd: EngineTree }> {
  const child = spawn(program, { stdio: ['pipe', 'pipe', 'inherit'] })
  const ended = new Promise<number | null>((resolve) => child.once('exit', resolve))
  for (const { layers } of cases)
    child.stdin.write(`${JSON.stringify({ layers: layers.map((layer) => layer.toString('base64')) })}\n`)
  child.stdin.end()
  for await (const line of createInterface({ input: child.stdout })) yield JSON.parse(line)
  const code = await ended
  if (code !== 0) throw new Error(`engine-tree ended with ${code}`)
}
