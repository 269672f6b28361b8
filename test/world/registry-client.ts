import { type Answer, type AskOptions, ask } from './ask.ts'
import { basicAuthorization, type Login } from './login.ts'
import type { Blob, OciImage } from './oci-image.ts'

export interface RegistryClientOptions {
  ca?: string | undefined
  login?: Login | undefined
  /** Where tokens are asked for, when passwords alone don't do. */
  tokens?: string | undefined
}

/** What a test does to a registry, by the distribution API (OCI distribution specification 1.1). */
export function registryClient(url: string, { ca, login, tokens }: RegistryClientOptions) {
  const authorization = async (repository: string): Promise<string | undefined> => {
    if (login === undefined || tokens === undefined) return login && basicAuthorization(login)
    const scope = `repository:${repository}:pull,push,delete`
    const { body } = await ask(`${tokens}?service=stillroom-test&scope=${encodeURIComponent(scope)}`, {
      ca,
      headers: { authorization: basicAuthorization(login) },
    })
    return `Bearer ${JSON.parse(body.toString()).token}`
  }

  const send = async (
    path: string,
    expected: number[],
    { headers, ...options }: AskOptions & { authorization: string | undefined },
  ): Promise<Answer> => {
    const { authorization, ...rest } = options
    const all = { ...headers, ...(authorization === undefined ? {} : { authorization }) }
    const answer = await ask(new URL(path, url).href, { ...rest, ca, headers: all })
    if (expected.includes(answer.status)) return answer
    throw new Error(`${options.method} ${path}: HTTP ${answer.status}: ${answer.body}`)
  }

  const pushBlob = async (
    repository: string,
    { digest, size, content }: Blob,
    authorization: string | undefined,
  ) => {
    const root = `/v2/${repository}/blobs`
    const present = await send(`${root}/${digest}`, [200, 404], { method: 'HEAD', authorization })
    if (present.status === 200) return
    const begun = await send(`${root}/uploads/`, [202], { method: 'POST', authorization })
    const place = new URL(begun.headers.location ?? '', `${url}${root}/uploads/`)
    place.searchParams.set('digest', digest)
    await send(place.href, [201], {
      method: 'PUT',
      headers: { 'content-type': 'application/octet-stream', 'content-length': String(size) },
      body: content,
      authorization,
    })
  }

  const push = async (image: OciImage, repository: string, reference: string): Promise<string> => {
    for (const manifest of image.manifests) await push(manifest, repository, manifest.digest)
    const granted = await authorization(repository)
    for (const blob of image.blobs) await pushBlob(repository, blob, granted)
    const { headers } = await send(`/v2/${repository}/manifests/${reference}`, [201], {
      method: 'PUT',
      headers: { 'content-type': image.mediaType },
      body: image.bytes,
      authorization: granted,
    })
    return String(headers['docker-content-digest'])
  }

  const remove = async (repository: string, digest: string): Promise<void> => {
    const granted = await authorization(repository)
    await send(`/v2/${repository}/manifests/${digest}`, [202], { method: 'DELETE', authorization: granted })
  }
  return { push, remove }
}
