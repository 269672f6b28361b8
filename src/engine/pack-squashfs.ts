import { StillroomError } from '../error.ts'
import { tarMembers } from '../formats/tar/tar-members.ts'
import type { Engine } from './connect.ts'
import { filterByContainer } from './filter-container.ts'

/** Where the container has the squashfs: it is written with seeking, so to a file. */
const OUTPUT = '/root.squashfs'

/**
 * Packs a tar archive into a squashfs, compressed by gzip, by the `tar2sqfs` of an image.
 *
 * @param use takes the squashfs, of so many bytes, while the container is there
 * @throws {StillroomError} CONTAINER_FAILED when it does not pack the archive; what the archive throws; ENGINE_*
 */
export async function packSquashfs<T>(
  engine: Engine,
  image: string,
  archive: AsyncIterable<Uint8Array>,
  signal: AbortSignal,
  use: (size: number, squashfs: AsyncIterable<Uint8Array>) => Promise<T>,
): Promise<T> {
  // level 9 takes five times as long for hardly less; an attribute that is not kept, or a member that is not read, is an error
  const options = ['--quiet', '--no-skip', '--compressor', 'gzip', '--comp-extra', 'level=6']
  const filter = { command: ['tar2sqfs', ...options, OUTPUT] as const, input: archive }
  return filterByContainer(engine, image, filter, signal, async (container) => {
    const copied = (await container.getArchive({ path: OUTPUT })) as unknown as AsyncIterable<Uint8Array>
    for await (const { member, content } of tarMembers(copied)) return await use(member.size, content)
    throw new StillroomError('CONTAINER_FAILED', 'tar2sqfs left no squashfs')
  })
}
