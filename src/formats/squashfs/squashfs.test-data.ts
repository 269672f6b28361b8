import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { LayerReader } from '../../image/layer-reader.ts'
import { mergeLayers } from '../../image/merge-layers.ts'
import { Budget } from '../../image/read-options.ts'
import type { TreeNode } from '../../image/tree-node.ts'
import { readBytes } from '../read-at.test-data.ts'
import { readSquashfs } from './read-squashfs.ts'

/** Squashfs of one tree, by how they were packed. */
export const RECORDED = ['gzip', 'xz', 'zstd', 'plain', 'ng'] as const

export const recorded = (name: string) => readFile(join(import.meta.dirname, 'recorded', `${name}.sqfs`))

/** The tree of a squashfs, with the limits that images have. */
export async function squashfsTree(bytes: Buffer, step?: () => void): Promise<TreeNode> {
  const budget = new Budget({ keep: (_, size) => size < 1e6 })
  budget.received(bytes.length)
  const reader = new LayerReader(budget)
  await readSquashfs(readBytes(bytes, step), bytes.length, reader, {
    unpacked: (count) => budget.unpacked(count),
    remembered: (count) => budget.take('bytes of names and attributes', count),
  })
  return mergeLayers([reader.entries])
}
