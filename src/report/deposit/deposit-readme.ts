import { type DepositFacts, titleOf } from './deposit-facts.ts'

/** `README.md`: for a stranger in ten years, who has docker or apptainer and a shell, and no stillroom. */
export function depositReadme(facts: DepositFacts): string {
  const { name, recipe, locked, image, files, sources } = facts
  const [saved, sif] = (['docker', 'sif'] as const).map((kind) => files.find((file) => file.image === kind))
  const inputs = `${name}.inputs.tar`
  const rows = files.map(({ name: file, size, about }) => `| \`${file}\` | ${size} | ${about} |`)
  return `# ${titleOf(facts)}

This is the container image \`${image}\`, and all that it takes to build it again, to the same byte, without a network.

| file | bytes | what it is |
| ---- | ----- | ---------- |
${rows.join('\n')}

## Is it whole?

\`\`\`sh
sha256sum --check SHA256SUMS
\`\`\`
${saved ? runByDocker(saved.name, name, image) : ''}${sif ? runBySif(sif.name, recipe.tasks) : ''}
## Build it again

With Docker 23 or newer and its buildx plugin, a POSIX shell and tar; no network is needed, as all inputs are here, and
\`fetch.sh\` finds them:

\`\`\`sh
tar -xf ${inputs}
cd ${name}/context
./fetch.sh
docker buildx build --platform ${recipe.platform} --build-arg SOURCE_DATE_EPOCH=${locked.epoch} \\
  --provenance=false --sbom=false --load --metadata-file metadata.json --tag rebuilt/${name} .
sed -n 's/.*"containerimage.config.digest": "\\([^"]*\\)".*/\\1/p' metadata.json
cd ../..
\`\`\`

The last but one line prints the image ID, the digest of the image's config. It must be \`${image}\`: then every byte of
every file is as it was. \`lock.json\` names each package and file that it was made of, with its sha256.
${sources.length > 0 ? `\n## Sources\n\nThese are kept by name in archives of software such as Software Heritage, too:\n\n${sources.map(({ swhid, origin }) => `- \`${swhid}\`: ${origin}`).join('\n')}\n` : ''}
## Who made it

${recipe.authors.length > 0 ? recipe.authors.map((author) => `- ${author.name}${author.affiliation === undefined ? '' : `, ${author.affiliation}`}`).join('\n') : 'The recipe names nobody.'}

${recipe.license === undefined ? 'The recipe states no licence of its own.' : `What they made is under the licence \`${recipe.license}\`.`} Each package in the image has its own licence; \`${name}.spdx.json\` lists them. \`CITATION.cff\` says how
to cite it${recipe.doi === undefined ? '' : `: https://doi.org/${recipe.doi}`}.
`
}

function runByDocker(file: string, name: string, image: string): string {
  return `
## Run it with docker or podman

\`\`\`sh
docker load --input ${file}
docker run --rm -it stillroom/${name}
\`\`\`

\`docker image inspect --format '{{.Id}}' stillroom/${name}\` prints \`${image}\` (where Docker keeps its images in containerd, it
prints the digest of the image's manifest instead).
`
}

function runBySif(file: string, tasks: DepositFacts['recipe']['tasks']): string {
  const apps = Object.keys(tasks).map((task) => `apptainer run --app ${task} ${file}`)
  return `
## Run it with Apptainer or Singularity

\`\`\`sh
${[`apptainer run ${file}`, ...apps].join('\n')}
\`\`\`
`
}
