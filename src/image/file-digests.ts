import { createHash, type Hash, hash } from 'node:crypto'
import type { Algorithm, Digester } from './digester.ts'
import type { Inode } from './layer-entry.ts'
import { chooses, type ReadOptions } from './read-options.ts'

const EXTRA = ['md5', 'sha1', 'gitBlob'] as const
type Kind = 'sha256' | (typeof EXTRA)[number]
const ALGORITHMS = { sha256: 'sha256', md5: 'md5', sha1: 'sha1', gitBlob: 'sha1' } as const

/** From how many bytes on a file's digests are worth the way to another thread. */
const LARGE = 1024 * 1024

/** Takes the digests of one regular file's content, as they are asked for, and writes them into its inode. */
export class FileDigests {
  readonly #inode: Inode
  readonly #kinds: readonly Kind[]
  readonly #elsewhere: [Algorithm, Digester][] = []
  #hashes: [Kind, Hash][] | undefined

  constructor(options: ReadOptions, path: string, inode: Inode) {
    this.#inode = inode
    const extra = EXTRA.filter((kind) => chooses(options[kind], path, inode.size))
    this.#kinds = extra.length === 0 ? ONLY_SHA256 : ['sha256', ...extra]
    const { digester } = options
    if (digester === undefined || inode.size < LARGE) return
    for (const kind of this.#kinds) if (isAlgorithm(kind)) this.#elsewhere.push([kind, digester(kind)])
    this.#kinds = this.#kinds.filter((kind) => !isAlgorithm(kind))
  }

  update(bytes: Buffer): void {
    for (const [, digester] of this.#elsewhere) digester.update(bytes)
    const inode = this.#inode
    if (this.#hashes === undefined && bytes.length === inode.size) {
      // at once, which is quicker for the many small ones
      for (const kind of this.#kinds) {
        const all = kind === 'gitBlob' ? Buffer.concat([gitHeader(inode.size), bytes]) : bytes
        inode[kind] = hash(ALGORITHMS[kind], all, 'hex')
      }
      return
    }
    this.#hashes ??= this.#kinds.map((kind) => [kind, begin(kind, inode.size)])
    for (const [, state] of this.#hashes) state.update(bytes)
  }

  /** Something to wait for before the inode has all of them; undefined when it has. */
  end(): Promise<unknown> | undefined {
    if (this.#inode.size === 0) this.update(Buffer.alloc(0))
    for (const [kind, state] of this.#hashes ?? []) this.#inode[kind] = state.digest('hex')
    if (this.#elsewhere.length === 0) return undefined
    return Promise.all(
      this.#elsewhere.map(async ([algorithm, digester]) => {
        this.#inode[algorithm] = await digester.digest()
      }),
    )
  }
}

const isAlgorithm = (kind: Kind) => kind === 'sha256' || kind === 'md5'

const ONLY_SHA256: readonly Kind[] = ['sha256']

function begin(kind: Kind, size: number): Hash {
  const state = createHash(ALGORITHMS[kind])
  return kind === 'gitBlob' ? state.update(gitHeader(size)) : state
}

/** What git hashes before a blob's content. */
const gitHeader = (size: number) => Buffer.from(`blob ${size}\0`)
