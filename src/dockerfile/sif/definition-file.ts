import { environmentLines, runLines, type SifSettings, taskLines } from './sif-files.ts'

/**
 * A definition file for sites that build SIFs themselves: of the archive that `stillroom save` writes,
 * unpacked to an OCI image layout.
 *
 * @param image its ID, and the name of its recipe
 */
export function definitionFile(
  settings: SifSettings,
  { recipe, image }: { recipe: string; image: string },
): string {
  const section = (name: string, lines: readonly string[]) => [
    '',
    `%${name}`,
    ...lines.map((line) => `    ${line}`),
  ]
  const labels = Object.entries(settings.labels).map(([name, value]) => `${name} ${value}`)
  return [
    `# Recipe ${recipe}, image ${image}`,
    `# stillroom save recipe ${recipe} ${recipe}.tar && sha256sum --check ${recipe}.tar.sha256`,
    `# mkdir ${recipe} && tar --extract --file ${recipe}.tar --directory ${recipe}`,
    `# apptainer build ${recipe}.sif ${recipe}.def`,
    // Apptainer itself unpacks no archive without entries for directories
    'Bootstrap: oci',
    `From: ${recipe}`,
    ...section('environment', environmentLines(settings)),
    ...section('runscript', runLines(settings)),
    ...Object.keys(settings.tasks)
      .sort()
      .flatMap((name) => section(`apprun ${name}`, taskLines(settings, name))),
    ...(labels.length === 0 ? [] : section('labels', labels)),
    '',
  ].join('\n')
}
