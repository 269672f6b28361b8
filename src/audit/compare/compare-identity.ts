import type { LockedImage, LockedPlatform } from '../../lock/schema.ts'
import type { Finding } from '../finding.ts'
import { redact } from '../secrets.ts'
import type { ImageSubject } from '../subject.ts'

/**
 * Compares the layers of an image that has the locked tree, and its ID where nothing else says why that is another: at
 * most one finding.
 */
export function comparePackaging(
  { id, layers, config }: Pick<ImageSubject, 'id' | 'layers' | 'config'>,
  image: LockedImage,
  hasOtherConfig: boolean,
): Finding[] {
  const commands = layerCommands(config['history'])
  const actual = layers.map(({ diffID }) => diffID)
  if (actual.join() !== image.diffIDs.join()) {
    const others = layers.flatMap(({ diffID }, index) =>
      image.diffIDs[index] === diffID
        ? []
        : [`layer ${index}: ${diffID}${commands[index] ? `, made by: ${commands[index]}` : ''}`],
    )
    return [
      {
        rule: 'layer-digest',
        severity: 'error',
        subject: 'image/layers',
        message: 'the files are those of the locked image, in other layers',
        expected: `${image.diffIDs.length} layers`,
        actual: `${layers.length} layers, ${others.length} of them others`,
        ...(others.length === 0 ? {} : { evidence: others }),
      },
    ]
  }
  if (id === image.id || hasOtherConfig) return []
  const message = "files and layers are the locked image's, and what is said of how it was made is not"
  return [
    { rule: 'image-id', severity: 'error', subject: 'image/id', message, expected: image.id, actual: id },
  ]
}

/** Compares image ID, tree digest and layers with those that the lock recorded; nothing before the first build. */
export function compareIdentity(
  { id, layers, config }: Pick<ImageSubject, 'id' | 'layers' | 'config'>,
  tree: string,
  { image }: Pick<LockedPlatform, 'image'>,
): Finding[] {
  if (image === null) return []
  const findings: Finding[] = []
  const add = (rule: string, subject: string, what: string, expected: string, actual: string) => {
    if (expected === actual) return
    findings.push({
      rule,
      severity: 'error',
      subject,
      message: `the ${what} is not the locked one`,
      expected,
      actual,
    })
  }
  add('image-id', 'image/id', 'image ID', image.id, id)
  add('tree-digest', 'image/tree', 'tree digest', image.tree, tree)
  add('base-digest', 'image/base', "base's layer", image.diffIDs[0] ?? '', layers[0]?.diffID ?? 'none')
  const known = new Set(image.diffIDs)
  const commands = layerCommands(config['history'])
  for (const [index, { diffID, size }] of layers.entries()) {
    if (known.has(diffID)) continue
    findings.push({
      rule: 'layer-extra',
      severity: 'note',
      subject: `image/layer/${index}`,
      message: `layer ${index} is not one of the locked image`,
      actual: diffID,
      evidence: [`${size} bytes`, ...(commands[index] ? [`made by: ${commands[index]}`] : [])],
    })
  }
  return findings
}

/** What made each layer, by the config's history: entries without an empty layer, in order. */
function layerCommands(history: unknown): string[] {
  if (!Array.isArray(history)) return []
  return history
    .filter((entry) => entry?.empty_layer !== true)
    .map((entry) => redact(String(entry?.created_by ?? '')).slice(0, 200))
}
