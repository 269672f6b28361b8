import type { LockedPlatform } from '../../lock/schema.ts'
import type { Finding } from '../finding.ts'
import { redact } from '../secrets.ts'
import type { ImageSubject } from '../subject.ts'

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
