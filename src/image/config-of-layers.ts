import type { HistoryStep } from '../engine/find-image.ts'
import { parseJson } from '../formats/json/parse-json.ts'

/**
 * The config of an image, made from that of another with the same settings and other layers. What this gives is that
 * image's config if, and only if, its sha256 is the image ID.
 *
 * @param similar the other config, as BuildKit wrote it
 * @param diffIDs of the image's layers, lowest first
 * @param history its steps, oldest first
 */
export function configOfLayers(
  similar: Buffer,
  diffIDs: readonly string[],
  history: readonly HistoryStep[],
): Buffer {
  const config = parseJson(similar, 'the config') as Config
  const isEmpty = new Set(
    (config.history ?? []).filter((step) => step.empty_layer).map((step) => step.created_by),
  )
  const steps = history.map(({ created, createdBy, comment }) => ({
    created: new Date(created * 1000).toISOString().replace('.000Z', 'Z'),
    created_by: createdBy,
    ...(comment !== '' && { comment }),
    ...(isEmpty.has(createdBy) && { empty_layer: true }),
  }))
  return Buffer.from(goJson({ ...config, history: steps, rootfs: { ...config.rootfs, diff_ids: diffIDs } }))
}

interface Config {
  history?: { created_by?: string; empty_layer?: boolean }[]
  rootfs?: object
}

/** JSON as Go's encoding/json writes it: these characters escaped, in what may end up in a page. */
function goJson(value: unknown): string {
  const escaped = (character: string) => `\\u${character.charCodeAt(0).toString(16).padStart(4, '0')}`
  return JSON.stringify(value).replace(/[<>&\u2028\u2029]/g, escaped)
}
