import { once } from 'node:events'
import { createReadStream } from 'node:fs'
import { type IncomingMessage, request as plainRequest } from 'node:http'
import { request as tlsRequest } from 'node:https'
import { pipeline } from 'node:stream/promises'

export interface Answer {
  status: number
  headers: IncomingMessage['headers']
  body: Buffer
}

export interface AskOptions {
  method?: string
  headers?: Record<string, string | string[] | undefined>
  body?: Uint8Array | { file: string } | undefined
  /** The only authority that is trusted, PEM. */
  ca?: string | undefined
  signal?: AbortSignal
}

/** One request over a connection of its own, without retries or redirects; rejects when the answer breaks off. */
export async function ask(url: string, options: AskOptions = {}): Promise<Answer> {
  const { method = 'GET', headers = {}, body, ca, signal } = options
  const send = url.startsWith('https:') ? tlsRequest : plainRequest
  const request = send(url, {
    method,
    headers,
    agent: false,
    ...(ca === undefined ? {} : { ca }),
    ...(signal === undefined ? {} : { signal }),
  })
  const answered = once(request, 'response') as Promise<[IncomingMessage]>
  if (body instanceof Uint8Array) request.end(body)
  else if (body === undefined) request.end()
  else pipeline(createReadStream(body.file), request).catch((error) => request.destroy(error))
  const [response] = await answered
  const chunks: Buffer[] = []
  for await (const chunk of response) chunks.push(chunk)
  return { status: response.statusCode ?? 0, headers: response.headers, body: Buffer.concat(chunks) }
}
