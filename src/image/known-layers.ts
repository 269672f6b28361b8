import type { Layer } from './layer-entry.ts'

/**
 * Layers that were read and held against their digest, by the digest of their blob. An image that has one of them
 * again takes it from here: its bytes are passed over.
 */
export class KnownLayers {
  readonly #layers = new Map<string, Layer>()

  get(digest: string): Layer | undefined {
    const layer = this.#layers.get(digest)
    return layer && copyOf(layer)
  }

  add(digest: string, layer: Layer): void {
    this.#layers.set(digest, copyOf(layer))
  }

  /** The same but for some, which are to be read again. */
  without(digests: ReadonlySet<string>): KnownLayers {
    const rest = new KnownLayers()
    for (const [digest, layer] of this.#layers) if (!digests.has(digest)) rest.#layers.set(digest, layer)
    return rest
  }
}

/** Entries of their own: their inodes become those of a tree, and change there with what lies above. */
export function copyOf<T extends Layer>(layer: T): T {
  return { ...layer, entries: layer.entries.map((entry) => ({ ...entry, inode: { ...entry.inode } })) }
}
