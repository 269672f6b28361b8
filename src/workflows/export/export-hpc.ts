import { chmod, mkdir } from 'node:fs/promises'
import { join, resolve } from 'node:path'
import { hpcFiles } from '../../dockerfile/sif/hpc-files.ts'
import { diskError, writeFileAtomic } from '../../store/disk.ts'
import type { Cache, Fetching, Project, Reporting } from '../ports.ts'
import { loadRecipe } from '../project/load-recipe.ts'
import { exportSif, type SifResult } from './export-sif.ts'

/**
 * Writes a directory for a cluster: the SIF of a recipe as {@link exportSif} does, a script for each task, a SLURM job, and
 * what to type. Files of these names are replaced, others stay.
 *
 * @throws {StillroomError} as {@link exportSif}
 */
export async function exportHpc(
  ports: Project & Cache & Fetching & Reporting,
  name: string,
  directory: string,
  options: { definition?: string | undefined } = {},
): Promise<SifResult> {
  const { recipe } = await loadRecipe(ports.directory, name)
  const file = `${name}.sif`
  const place = resolve(directory)
  await mkdir(place, { recursive: true }).catch((error: unknown) => {
    throw diskError(error, place)
  })
  const result = await exportSif(ports, name, join(directory, file), options)
  const files = hpcFiles({ ...recipe, recipe: name, sif: { file, sha256: result.sha256 } })
  for (const { name: own, executable, text } of files) {
    const path = join(place, own)
    await writeFileAtomic(path, text)
    if (executable) await chmod(path, 0o755)
  }
  return result
}
