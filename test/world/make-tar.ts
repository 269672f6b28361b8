import { pack } from 'tar-stream'

/** One entry: a text, bytes, or what else a tar can hold. */
export type TarContent =
  | string
  | Uint8Array
  | { content: string | Uint8Array; mode?: number; uid?: number; gid?: number }
  | { link: string }
  | { directory: true; mode?: number; uid?: number; gid?: number }

/** 2024-01-01T00:00:00Z */
const TIME = new Date(1_704_067_200_000)

/** A tar of these files, in the order given; the same files give the same bytes. */
export async function makeTar(files: Readonly<Record<string, TarContent>>): Promise<Buffer> {
  const tar = pack()
  for (const [name, entry] of Object.entries(files)) {
    const common = { name, mtime: TIME }
    if (typeof entry === 'string' || entry instanceof Uint8Array)
      tar.entry({ ...common, mode: 0o644 }, bytes(entry))
    else if ('link' in entry) tar.entry({ ...common, type: 'symlink', linkname: entry.link })
    else if ('directory' in entry) {
      const { mode = 0o755, uid = 0, gid = 0 } = entry
      tar.entry({ ...common, type: 'directory', mode, uid, gid })
    } else {
      const { content, mode = 0o644, uid = 0, gid = 0 } = entry
      tar.entry({ ...common, mode, uid, gid }, bytes(content))
    }
  }
  tar.finalize()
  const chunks: Buffer[] = []
  for await (const chunk of tar as AsyncIterable<Buffer>) chunks.push(chunk)
  return Buffer.concat(chunks)
}

/** The same files with each directory before what lies in it; a name may begin with `./`. */
export function withDirectories(files: Readonly<Record<string, TarContent>>): Record<string, TarContent> {
  const entries: Record<string, TarContent> = {}
  for (const [path, content] of Object.entries(files)) {
    for (const { index } of path.matchAll(/\//g)) entries[path.slice(0, index + 1)] ??= { directory: true }
    entries[path] = content
  }
  return entries
}

function bytes(content: string | Uint8Array): Buffer {
  return Buffer.from(content as Uint8Array)
}
