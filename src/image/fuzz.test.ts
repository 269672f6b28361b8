import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { rounds } from '../../test/support/nightly.ts'
import { StillroomError } from '../error.ts'
import { fuzzedArchive } from './archive-fuzzing.test-data.ts'
import { pieces } from './image-archive.test-data.ts'
import { readImageTree } from './read-archive.ts'
import { treeDigest } from './tree-digest.ts'

const RUNS = Number(process.env.STILLROOM_FUZZ_RUNS ?? rounds(200, 10_000))
const SEED = Number(process.env.STILLROOM_FUZZ_SEED ?? 20_261_124)

/** More steps than any input of these needs, for a byte of it: what is beyond is on its way to a hang. */
const STEPS = 16

describe('readImageTree()', () => {
  it(
    `reads or rejects ${RUNS} damaged and hostile archives (seed ${SEED})`,
    async () => {
      const kinds = new Map<string, number>()
      let read = 0
      const test = async (archive: Promise<{ what: string; bytes: Buffer }>, piece: number) => {
        const { what, bytes } = await archive
        let steps = 0
        const limit = STEPS * bytes.length + 1024
        const step = () => {
          steps += 1
          if (steps > limit) throw new Error(`more than ${limit} steps for ${bytes.length} bytes`)
          return true
        }
        const outcome = await readImageTree(pieces(bytes, piece), {
          keep: step,
          md5: step,
          gitBlob: step,
        }).then(
          ({ root, tree, id }) => {
            for (const { path } of tree.files()) {
              step()
              tree.find(path)
              tree.list(path)
            }
            return { id, digest: treeDigest(root) }
          },
          (error: unknown) => error,
        )
        if (outcome instanceof Error) {
          expect(outcome, what).toBeInstanceOf(StillroomError)
          expect(outcome, what).toMatchObject({ code: 'IMAGE_INVALID' })
          expect(outcome.message, what).not.toMatch(/[^\P{C}\n]/u)
          expect(outcome.message.length, what).toBeLessThan(3000)
        } else read += 1
        kinds.set(what.replace(/,.*/, ''), (kinds.get(what.replace(/,.*/, '')) ?? 0) + 1)
      }
      await fc.assert(fc.asyncProperty(fuzzedArchive, fc.constantFrom(100, 512, 65_536), test), {
        numRuns: RUNS,
        seed: SEED,
      })
      // all kinds came, and not everything was rejected at the door
      expect(kinds.size).toBeGreaterThanOrEqual(5)
      expect(read).toBeGreaterThan(RUNS / 100)
      if (process.env.STILLROOM_FUZZ_RUNS !== undefined)
        console.log(`read ${read}, rejected ${RUNS - read}: ${JSON.stringify(Object.fromEntries(kinds))}`)
    },
    60_000 + RUNS * 100,
  )
})
