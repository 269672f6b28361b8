import { type ServerOptions, startLoopbackServer } from './loopback-server.ts'

/** An archive of commits with the interface of Software Heritage's vault: a bundle is asked for, made, and fetched. */
export interface CommitArchive {
  url: string
  /** Each request: `POST swh:1:rev:...`, `GET ...`. */
  seen: string[]
  /** Keeps a bundle (a tar of a bare repository) under the commit's id, whatever is in it. */
  keep(commit: string, bundle: Buffer): void
  close(): Promise<void>
}

const ROUTE = /^\/api\/1\/vault\/git-bare\/swh:1:rev:([0-9a-f]{40})\/(raw\/)?$/

/** Each bundle is ready at the second question. */
export async function startCommitArchive(options: ServerOptions = {}): Promise<CommitArchive> {
  const bundles = new Map<string, Buffer>()
  const asked = new Map<string, number>()
  const seen: string[] = []
  const server = await startLoopbackServer((request, response) => {
    const [, commit = '', raw] = ROUTE.exec(decodeURIComponent(request.url ?? '')) ?? []
    const bundle = bundles.get(commit)
    seen.push(`${request.method} ${raw === undefined ? 'bundle' : 'raw'} ${commit}`)
    if (bundle === undefined) return void response.writeHead(404).end('{"exception": "NotFoundExc"}')
    if (raw !== undefined) return void response.writeHead(200).end(bundle)
    if (request.method === 'POST') asked.set(commit, 0)
    const times = (asked.get(commit) ?? 0) + 1
    asked.set(commit, times)
    const status = times > 1 ? 'done' : 'new'
    const ready = status === 'done' ? { fetch_url: `${server.url}${request.url}raw/` } : {}
    response.writeHead(200, { 'content-type': 'application/json' })
    response.end(JSON.stringify({ swhid: `swh:1:rev:${commit}`, status, progress_message: null, ...ready }))
  }, options)
  return {
    url: server.url,
    seen,
    keep: (commit, bundle) => void bundles.set(commit, bundle),
    close: server.close,
  }
}
