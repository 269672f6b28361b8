import { createHash, type Hash, hash } from 'node:crypto'
import { type Digester, LARGE } from './digester.ts'
import type { Inode } from './layer-entry.ts'
import { chooses, type ReadOptions } from './read-options.ts'

const EXTRA = ['md5', 'sha1', 'gitBlob'] as const
type Kind = 'sha256' | (typeof EXTRA)[number]
const ALGORITHMS = { sha256: 'sha256', md5: 'md5', sha1: 'sha1', gitBlob: 'sha1' } as const

/** Takes the digests of one regular file's content, as they are asked for, and writes them into its inode. */
export class FileDigests {
  readonly #inode: Inode
  readonly #kinds: readonly Kind[]
  /** Takes the md5 elsewhere. */
  readonly #md5: Digester | undefined
  #hashes: [Kind, Hash][] | undefined

  constructor(options: ReadOptions, path: string, inode: Inode) {
    this.#inode = inode
    this.#kinds = kindsFor(options, path, inode.size)
    const { digester } = options
    if (digester === undefined || inode.size < LARGE || !this.#kinds.includes('md5')) return
    this.#md5 = digester('md5')
    this.#kinds = this.#kinds.filter((kind) => kind !== 'md5')
  }

  update(bytes: Buffer): void {
    this.#md5?.update(bytes)
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
    return this.#md5?.digest().then((digest) => {
      this.#inode.md5 = digest
    })
  }
}

function kindsFor(options: ReadOptions, path: string, size: number): readonly Kind[] {
  if (!(options.md5 || options.sha1 || options.gitBlob)) return ONLY_SHA256
  return [...ONLY_SHA256, ...EXTRA.filter((kind) => chooses(options[kind], path, size))]
}

const ONLY_SHA256: readonly Kind[] = ['sha256']

function begin(kind: Kind, size: number): Hash {
  const state = createHash(ALGORITHMS[kind])
  return kind === 'gitBlob' ? state.update(gitHeader(size)) : state
}

/** What git hashes before a blob's content. */
const gitHeader = (size: number) => Buffer.from(`blob ${size}\0`)
