export async function readImageArchive(_stream: AsyncIterable<Uint8Array>): Promise<{ id: string; size: number; diffIDs: string[]; tree: string }> {
  throw new Error('not written yet')
}
