import { createHash } from 'node:crypto'
import type { IncomingMessage, ServerResponse } from 'node:http'
import { admit, type Login } from './login.ts'
import { type ServerOptions, startLoopbackServer } from './loopback-server.ts'
import type { Distribution } from './python-distributions.ts'

export interface PackageIndex {
  /** Of the server, without slash at the end; the simple API is at `/simple`. */
  url: string
  host: string
  /** Adds a file; one of the same name is replaced, as a careless index would. */
  add(...distributions: Distribution[]): void
  remove(fileName: string): void
  /** Marks a file as withdrawn (PEP 592). */
  yank(fileName: string, reason: string): void
  /** Gives no metadata of a file apart from it. */
  hide(fileName: string): void
  /** Which forms it gives; `both` by the client's choice, as newer indexes do. */
  speak(forms: 'both' | 'html' | 'json'): void
  /** Paths of what it was asked for so far. */
  asked(): string[]
  close(): Promise<void>
}

interface Listed extends Distribution {
  sha256: string
  yanked?: string
}

const JSON_TYPE = 'application/vnd.pypi.simple.v1+json'
const HTML_TYPE = 'text/html; charset=utf-8'

/** A package index: the simple API in HTML (PEP 503) and JSON (PEP 691), with metadata of its own (PEP 658). */
export async function startIndex(options: ServerOptions & { login?: Login } = {}): Promise<PackageIndex> {
  const files = new Map<string, Listed>()
  const asked: string[] = []
  let spoken: 'both' | 'html' | 'json' = 'both'

  const answer = (request: IncomingMessage, response: ServerResponse) => {
    if (!admit(request, response, options.login)) return
    const path = decodeURIComponent(new URL(request.url ?? '/', 'http://index').pathname)
    asked.push(path)
    const page = /^\/simple\/([a-z0-9-]+)\/$/.exec(path)?.[1]
    if (page !== undefined) {
      const listed = [...files.values()].filter(({ name }) => normalized(name) === page)
      if (listed.length === 0) return send(response, 404, 'text/plain', 'no such package\n')
      const json = spoken === 'json' || (spoken === 'both' && request.headers.accept?.includes(JSON_TYPE))
      return json
        ? send(response, 200, JSON_TYPE, jsonPage(page, listed))
        : send(response, 200, HTML_TYPE, htmlPage(page, listed))
    }
    const [, digest, fileName = '', suffix] =
      /^\/files\/([0-9a-f]{64})\/([^/]+?)(\.metadata)?$/.exec(path) ?? []
    const file = files.get(fileName)
    const bytes = suffix === undefined ? file?.bytes : file?.metadata
    if (bytes === undefined || file?.sha256 !== digest)
      return send(response, 404, 'text/plain', 'no such file\n')
    send(response, 200, 'application/octet-stream', bytes, { etag: `"${sha256(bytes)}"` })
  }

  const server = await startLoopbackServer(answer, options)
  return {
    url: server.url,
    host: server.host,
    add: (...distributions) => {
      for (const one of distributions) files.set(one.file, { ...one, sha256: sha256(one.bytes) })
    },
    remove: (fileName) => void files.delete(fileName),
    yank: (fileName, reason) => {
      const file = files.get(fileName)
      if (file !== undefined) file.yanked = reason
    },
    hide: (fileName) => {
      const file = files.get(fileName)
      if (file !== undefined) delete file.metadata
    },
    speak: (forms) => {
      spoken = forms
    },
    asked: () => [...asked],
    close: server.close,
  }
}

function jsonPage(name: string, listed: readonly Listed[]): string {
  return JSON.stringify({
    meta: { 'api-version': '1.1' },
    name,
    versions: [...new Set(listed.map(({ version }) => version))],
    files: listed.map((file) => ({
      filename: file.file,
      url: address(file),
      size: file.bytes.length,
      hashes: { sha256: file.sha256 },
      ...(file.requiresPython === undefined ? {} : { 'requires-python': file.requiresPython }),
      ...(file.metadata === undefined ? {} : { 'core-metadata': { sha256: sha256(file.metadata) } }),
      yanked: file.yanked ?? false,
    })),
  })
}

function htmlPage(name: string, listed: readonly Listed[]): string {
  const links = listed.map((file) => {
    const attributes = {
      href: `${address(file)}#sha256=${file.sha256}`,
      'data-requires-python': file.requiresPython,
      'data-dist-info-metadata': file.metadata && `sha256=${sha256(file.metadata)}`,
      'data-yanked': file.yanked,
    }
    const said = Object.entries(attributes).flatMap(([key, value]) =>
      value === undefined ? [] : [` ${key}="${escaped(value)}"`],
    )
    return `<a${said.join('')}>${escaped(file.file)}</a><br/>`
  })
  const head = '<meta name="pypi:repository-version" content="1.0">'
  return `<!DOCTYPE html>\n<html><head>${head}<title>${name}</title></head><body>\n${links.join('\n')}\n</body></html>\n`
}

/** Relative to the page, so that it holds behind any other server too. */
function address({ file, sha256 }: Listed): string {
  return `../../files/${sha256}/${encodeURIComponent(file)}`
}

function escaped(text: string): string {
  return text
    .replaceAll('&', '&amp;')
    .replaceAll('"', '&quot;')
    .replaceAll('<', '&lt;')
    .replaceAll('>', '&gt;')
}

/** PEP 503. */
function normalized(name: string): string {
  return name.toLowerCase().replace(/[-_.]+/g, '-')
}

function send(
  response: ServerResponse,
  code: number,
  type: string,
  body: string | Uint8Array,
  headers: Record<string, string> = {},
): void {
  response
    .writeHead(code, { 'content-type': type, 'content-length': Buffer.byteLength(body), ...headers })
    .end(body)
}

function sha256(bytes: Uint8Array): string {
  return createHash('sha256').update(bytes).digest('hex')
}
