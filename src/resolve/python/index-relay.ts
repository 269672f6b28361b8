import { randomBytes } from 'node:crypto'
import { once } from 'node:events'
import { createReadStream } from 'node:fs'
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { pipeline } from 'node:stream/promises'
import pMap from 'p-map'
import { normalizeName, versionInFileName } from '../../formats/python/distribution-name.ts'
import { splitUserinfo } from '../../net/redact-url.ts'
import { linkedFile } from '../../sources/locate.ts'
import { fetchSimplePage, type SimpleFile } from '../../sources/simple-page.ts'
import type { ArtifactUrl } from '../../store/artifact.ts'
import type { FileCache } from '../../store/file-cache.ts'
import type { Store } from '../../store/store.ts'
import type { Sandbox } from '../sandbox.ts'
import type { FindKept } from './fetch-files.ts'
import { RelayedFiles } from './relayed-files.ts'

/** What tells which files a pip may take. */
export interface PipView {
  /** Of its Python, `3.11`; undefined when it does not say. */
  python: string | undefined
  /** Names of projects, normalised, of which it takes source. */
  sources: readonly string[]
}

/**
 * The machine's package indexes as a server of this process shows them to pip: the same files, of which a wheel is one that has its
 * METADATA alone, so that resolving neither fetches nor unpacks what is only looked at. pip needs no login for it.
 */
export interface IndexRelay extends AsyncDisposable {
  /** For a pip, by its own names. What it would pass over anyway it is not shown. */
  settingsFor(pip: PipView): Record<string, string>
  /** Begins to read the pages of projects that pip will most likely ask for. */
  expect(names: readonly string[]): void
  /** Whether what runs in a sandbox comes to this server: an engine may be elsewhere, or have a network of its own. */
  isReachable(sandbox: Sandbox): Promise<boolean>
  /** Brings a file that pip was given into the store whole, and makes sure that it says what pip read. */
  findKept: FindKept
  /** @throws what kept this from answering as an index would, if anything did: what pip made of it counts for nothing then */
  check(): void
}

export interface RelayOptions {
  /** Roots of simple indexes, the main one first; may carry logins. */
  indexes: readonly string[]
  /** The machine's settings for pip, by its own names. */
  settings: Record<string, string>
  ca: string | undefined
  store: Store
  /** Where METADATA of wheels is kept for the next time. */
  contents: FileCache
  signal: AbortSignal
}

/** Starts a relay; undefined when pip has no index set, or one that it takes files from only when told to. */
export async function openIndexRelay(options: RelayOptions): Promise<IndexRelay | undefined> {
  const { indexes, settings } = options
  const isPlain = settings['index-url'] !== undefined && settings['trusted-host'] === undefined
  if (!isPlain || !indexes.every(isSecure)) return undefined
  const relay = new Relay(options)
  await relay.start()
  return relay
}

/** Whether pip takes what comes from there without being told to. */
function isSecure(url: string): boolean {
  if (!URL.canParse(url)) return false
  const { protocol, hostname } = new URL(url)
  return protocol === 'https:' || (protocol === 'http:' && /^(localhost|127\.[\d.]+|\[::1\])$/.test(hostname))
}

/** Pages that are read before pip asks for them. */
const AT_ONCE = 8

class Relay implements IndexRelay {
  readonly findKept: FindKept
  readonly #options: RelayOptions
  /** Nobody else on this machine is to use the logins that stand behind this. */
  readonly #token = randomBytes(16).toString('hex')
  readonly #server = createServer((request, response) => void this.#answer(request, response))
  readonly #files: RelayedFiles
  readonly #views: PipView[] = []
  /** Lines of a project's page, by index and name. */
  readonly #pages = new Map<string, Promise<PageLine[]>>()
  readonly #ended = new AbortController()
  readonly #signal: AbortSignal
  #address = ''
  #failure: unknown

  constructor(options: RelayOptions) {
    this.#options = options
    this.#signal = AbortSignal.any([options.signal, this.#ended.signal])
    this.#files = new RelayedFiles(options)
    this.findKept = this.#files.find
  }

  async start(): Promise<void> {
    this.#server.listen(0, '127.0.0.1')
    await once(this.#server, 'listening')
    const { port } = this.#server.address() as AddressInfo
    this.#address = `http://127.0.0.1:${port}/${this.#token}`
  }

  settingsFor(pip: PipView): Record<string, string> {
    const { indexes, settings } = this.#options
    const view = this.#views.push(pip) - 1
    const [main = '', ...more] = indexes.map((_, index) => `${this.#address}/index/${view}/${index}`)
    return {
      ...settings,
      'index-url': main,
      ...(more.length > 0 ? { 'extra-index-url': more.join(' ') } : {}),
      // whoever stands behind this is asked again as often as is good for it
      retries: '0',
      timeout: '600',
    }
  }

  expect(names: readonly string[]): void {
    const asked = this.#options.indexes.flatMap((_, index) => names.map((name) => ({ index, name })))
    // pip is told of what fails, when it asks for that
    void pMap(asked, ({ index, name }) => this.#page(index, name).catch(() => {}), { concurrency: AT_ONCE })
  }

  async isReachable(sandbox: Sandbox): Promise<boolean> {
    const program =
      'import sys, urllib.request as u; u.build_opener(u.ProxyHandler({})).open(sys.argv[1], timeout=5)'
    const { exitCode } = await sandbox.run(['python3', '-c', program, `${this.#address}/`])
    return exitCode === 0
  }

  check(): void {
    if (this.#failure !== undefined) throw this.#failure
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#ended.abort()
    const closed = once(this.#server, 'close')
    this.#server.close()
    this.#server.closeAllConnections()
    await closed
  }

  async #answer({ url = '' }: IncomingMessage, response: ServerResponse): Promise<void> {
    try {
      const [, token, kind, ...path] = url.split('/')
      if (token !== this.#token) response.writeHead(403).end()
      else if (kind === 'index') await this.#answerPage(path, response)
      else if (kind === 'file') await this.#answerFile(Number(path[0]), response)
      else response.writeHead(204).end()
    } catch (error) {
      this.#failure ??= error
      if (response.headersSent) response.destroy()
      else response.writeHead(502).end()
    }
  }

  async #answerPage([view, index, name = '']: string[], response: ServerResponse): Promise<void> {
    const pip = this.#views[Number(view)]
    const project = normalizeName(name)
    const page = await this.#page(Number(index), project)
    const lines = page.filter(({ file }) => pip && mayTake(pip, file, project))
    const text = `<!DOCTYPE html>\n<html><body>\n${lines.map(({ html }) => html).join('')}</body></html>\n`
    response.writeHead(200, { 'content-type': 'text/html; charset=utf-8' }).end(text)
  }

  async #answerFile(number: number, response: ServerResponse): Promise<void> {
    const content = await this.#files.content(number)
    if (content === undefined) response.writeHead(404).end()
    else if ('bytes' in content) response.end(content.bytes)
    else await pipeline(createReadStream(content.path), response)
  }

  #page(index: number, name: string): Promise<PageLine[]> {
    const key = `${index}/${name}`
    const page = this.#pages.get(key) ?? this.#readPage(index, name)
    this.#pages.set(key, page)
    return page
  }

  /** The page of a project (PEP 503). What states no sha256, pip gets where it is. */
  async #readPage(number: number, name: string): Promise<PageLine[]> {
    const { indexes, ca } = this.#options
    const index = splitUserinfo({ url: indexes[number] ?? '', label: 'index', ca })
    const url = `${index.url.replace(/\/+$/, '')}/${encodeURIComponent(name)}/`
    const files = await fetchSimplePage({ ...index, url }, { signal: this.#signal })
    return files.map((file) => {
      const { sha256 } = file
      const isOurs = sha256 !== undefined && isSecure(file.url)
      const href = isOurs ? this.#show({ ...file, sha256 }, index) : file.url
      return { file: file.file, html: pageLine(file, href) }
    })
  }

  /** @returns where pip finds a file here */
  #show(file: SimpleFile & { sha256: string }, index: ArtifactUrl): string {
    const number = this.#files.add(file, linkedFile(file, index))
    const sum = file.file.endsWith('.whl') ? '' : `#sha256=${file.sha256}`
    return `${this.#address}/file/${number}/${encodeURIComponent(file.file)}${sum}`
  }
}

interface PageLine {
  file: string
  html: string
}

/** Of a simple page (PEP 503, PEP 592). */
function pageLine({ file, requiresPython, yanked }: SimpleFile, href: string): string {
  const python = requiresPython === undefined ? '' : ` data-requires-python="${escaped(requiresPython)}"`
  return `<a href="${escaped(href)}"${python}${yanked ? ' data-yanked=""' : ''}>${escaped(file)}</a>\n`
}

const escaped = (text: string) => text.replace(/[&<>"]/g, (char) => `&#${char.codePointAt(0)};`)

const OTHER_SYSTEM =
  /^(win|macosx|ios|android)|_(aarch64|arm64|armv\d+l|ppc64|ppc64le|s390x|riscv64|loongarch64)$/

/** Whether a pip on Linux on x86_64 may take a file, as far as its name says that it cannot (PyPA, "Platform compatibility tags"). */
function mayTake({ python, sources }: PipView, file: string, name: string): boolean {
  const [, abis, platforms] = /-([^-]+)-([^-]+)\.whl$/.exec(file) ?? []
  if (abis === undefined || platforms === undefined)
    return sources.includes(name) && versionInFileName(file, name) !== undefined
  const own = python && `cp${python.replace('.', '')}`
  const isOther = (abi: string) =>
    own !== undefined && /^cp\d+[a-z]*$/.test(abi) && abi.replace(/[a-z]*$/, '') !== own
  return !abis.split('.').every(isOther) && !platforms.split('.').every((each) => OTHER_SYSTEM.test(each))
}
