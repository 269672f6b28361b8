import { createHash } from 'node:crypto'
import { existsSync } from 'node:fs'
import { readdir, readFile, rename, rm, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { StillroomError } from '../../src/error.ts'
import { createGet } from '../../src/net/http-get.ts'
import { startLoopbackServer } from '../world/loopback-server.ts'

/** A server on this machine that has what others have: from the second time on from the disk, so that no network is timed. */
export interface Mirror {
  /** Where a directory of another server is found here, without a slash at its end. */
  of(url: string): string
  /** Throws away what it has: the next time it is fetched again. */
  forget(): Promise<void>
  close(): Promise<void>
}

/** @param directory an empty one */
export async function startMirror(directory: string, ca: string | undefined): Promise<Mirror> {
  const stop = new AbortController()
  const get = createGet({ ca, signal: stop.signal })
  const fetched = async (url: string): Promise<Buffer> => {
    const path = join(directory, createHash('sha256').update(url).digest('hex'))
    if (!existsSync(path)) {
      const body = await get(url, { limit: 2 ** 31 })
      // two may ask at once
      const part = `${path}.${crypto.randomUUID()}`
      await writeFile(part, body)
      await rename(part, path)
    }
    return readFile(path)
  }
  const server = await startLoopbackServer(async (request, response) => {
    const [, root = '', rest = ''] = /^\/([\w-]+)(.*)$/.exec(request.url ?? '') ?? []
    const url = Buffer.from(root, 'base64url').toString() + rest
    try {
      const body = await fetched(url)
      const isPage = url.endsWith('/')
      response.setHeader('Content-Type', isPage ? 'text/html' : 'application/octet-stream')
      response.end(isPage ? linkedHere(body.toString(), url) : body)
    } catch (error) {
      const status = error instanceof StillroomError ? error.details?.['status'] : undefined
      response.writeHead(typeof status === 'number' ? status : 502).end(String(error))
    }
  })
  const of = (url: string) => `${server.url}/${Buffer.from(url.replace(/\/$/, '')).toString('base64url')}`
  // links of a page, with what stands behind `#`, lead here
  const linkedHere = (page: string, url: string) =>
    page.replace(/href="([^"#]+)/g, (_, link: string) => {
      const to = new URL(link.replaceAll('&amp;', '&'), url)
      return `href="${of(to.origin)}${to.pathname}${to.search}`
    })
  const forget = async () => {
    for (const name of await readdir(directory)) await rm(join(directory, name), { force: true })
  }
  return {
    of,
    forget,
    close: async () => {
      stop.abort()
      await server.close()
    },
  }
}
