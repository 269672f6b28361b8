import { imageInvalid, quotePath } from '../formats/image-invalid.ts'
import { checkShape, parseJson } from '../formats/json/parse-json.ts'
import { OldImage, Repositories, sha256Digest } from '../formats/oci.ts'
import { type Documents, LAYER_LIMIT, missingFile } from './select-image.ts'

/**
 * Documents of an archive, also of what Docker before 1.10 saved: there an image is a chain of directories, each with a layer and
 * a `json` that names its parent, and `repositories` says which begin one. As engines that load it do, `manifest.json` and a
 * config are made of them (moby, image/tarexport and image/v1), whose digest is the image ID. Of images by Docker before 1.8.3
 * an engine writes the config with the fields that its own release knows: its ID may be another there.
 *
 * @param diffIDOf digest of the uncompressed layer at a path
 */
export function documentsOfAnyAge(
  documents: Documents,
  diffIDOf: (path: string) => Promise<string>,
): Documents {
  let made: Promise<ReadonlyMap<string, Buffer>> | undefined
  return async (path) => {
    const document = await documents(path)
    if (document !== undefined) return document
    made ??= makeDocuments(documents, diffIDOf)
    const json = (await made).get(path)
    return json && { digest: sha256Digest(json), json }
  }
}

async function makeDocuments(
  documents: Documents,
  diffIDOf: (path: string) => Promise<string>,
): Promise<ReadonlyMap<string, Buffer>> {
  const repositories = await documents('repositories')
  const isOfToday = (await documents('index.json')) ?? (await documents('manifest.json'))
  if (repositories === undefined || isOfToday !== undefined) return new Map()
  const names = namesById(
    checkShape(Repositories, parseJson(repositories.json, 'repositories'), 'repositories'),
  )
  if (names.size === 0)
    throw imageInvalid(
      'Docker before 1.10 saved the archive, and its repositories names no image: `docker load` and `docker save` make one of today',
    )
  const made = new Map<string, Buffer>()
  const images: { Config: string; Layers: string[]; RepoTags: string[] }[] = []
  for (const [id, RepoTags] of names) {
    const chain = await chainOf(documents, id)
    const Layers = chain.map(({ directory }) => `${directory}/layer.tar`)
    const diffIDs: string[] = []
    // one after the other: a chain may have more layers than a process may have open files
    for (const layer of Layers) diffIDs.push(await diffIDOf(layer))
    const config = makeConfig(chain, diffIDs)
    const Config = `${sha256Digest(config).slice('sha256:'.length)}.json`
    made.set(Config, config)
    images.push({ Config, Layers, RepoTags })
  }
  return made.set('manifest.json', Buffer.from(JSON.stringify(images)))
}

function namesById(repositories: Repositories): Map<string, string[]> {
  const names = new Map<string, string[]>()
  for (const [name, tags] of Object.entries(repositories))
    for (const [tag, id] of Object.entries(tags)) names.set(id, [...(names.get(id) ?? []), `${name}:${tag}`])
  return names
}

/** A directory of an old archive. */
interface Step {
  directory: string
  json: OldImage
  /** The same as it was read, in its order. */
  data: object
}

/** An image and those that it stands on, lowest first. */
async function chainOf(documents: Documents, id: string): Promise<Step[]> {
  const chain: Step[] = []
  let directory: string | null | undefined = id
  while (directory) {
    const path: string = `${directory}/json`
    const document = await documents(path)
    if (document === undefined) throw missingFile(path)
    if (chain.length >= LAYER_LIMIT)
      throw imageInvalid(`Image ${quotePath(id)} has more than ${LAYER_LIMIT} layers`)
    const data = parseJson(document.json, path)
    const json: OldImage = checkShape(OldImage, data, path)
    chain.unshift({ directory, json, data: data as object })
    directory = json.parent
  }
  return chain
}

/** What says where it lay, or is a size of then. */
const LEFT_OUT = ['id', 'parent', 'Size', 'parent_id', 'layer_id', 'throwaway', 'rootfs', 'history']

/** The uppermost image's own description, with the layers and the history of all, as Go writes it. */
function makeConfig(chain: readonly Step[], diffIDs: readonly string[]): Buffer {
  const top = chain.at(-1) as Step
  const history = chain.map(({ json: { created, author, comment, container_config: container } }) => ({
    created: created || undefined,
    created_by: container?.Cmd?.join(' ') || undefined,
    author: author || undefined,
    comment: comment || undefined,
  }))
  const fields = Object.entries({
    ...Object.fromEntries(Object.entries(top.data).filter(([name]) => !LEFT_OUT.includes(name))),
    rootfs: { type: 'layers', diff_ids: diffIDs },
    history,
  })
  const sorted = Object.fromEntries(
    fields.toSorted(([a], [b]) => Buffer.compare(Buffer.from(a), Buffer.from(b))),
  )
  return Buffer.from(asGo(JSON.stringify(sorted)))
}

/** Characters that Go's encoding/json escapes, as they may stand in HTML. */
const asGo = (json: string) =>
  json.replace(
    /[<>&\u2028\u2029]/g,
    (character) => `\\u${character.charCodeAt(0).toString(16).padStart(4, '0')}`,
  )
