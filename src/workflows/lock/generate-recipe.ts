import { requireFresh } from '../../lock/compare-inputs.ts'
import {
  compareGenerated,
  type GeneratedChange,
  renderGenerated,
  writeGenerated,
} from '../project/generated.ts'
import { loadInputs } from '../project/load-inputs.ts'
import { lockedPlatform, requireLock } from '../project/lock-file.ts'

/** Writes the build context of a recipe, or with `check` only says what in it differs. */
export async function generateRecipe(
  directory: string,
  name: string,
  options: { check: boolean },
): Promise<{ changes: GeneratedChange[] }> {
  const { recipe, inputs } = await loadInputs(directory, name)
  const lock = await requireLock(directory, name)
  requireFresh(lock, inputs)
  const files = await renderGenerated(name, recipe, lockedPlatform(lock, recipe))
  const write = options.check ? compareGenerated : writeGenerated
  return { changes: await write(directory, name, files) }
}
