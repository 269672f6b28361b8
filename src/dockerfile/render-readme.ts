import type { LockedPlatform } from '../lock/schema.ts'
import type { Recipe } from '../recipe/schema.ts'

/** How to build a context without stillroom, for whoever finds it in years. */
export function renderReadme(name: string, recipe: Recipe, locked: LockedPlatform): string {
  const expected = locked.image
    ? `It must be \`${locked.image.id}\`.`
    : 'The lockfile does not name an image yet: the first build by stillroom records it.'
  const has = (kind: string) => recipe.steps.some((step) => step.kind === kind)
  const git = [
    has('project') ? "\nThe project's files are taken from the git repository around this directory." : '',
    has('git') ? '\nFiles of other repositories are fetched by git.' : '',
  ].join('')
  return `# Build context of \`${name}\`
${recipe.description ? `\n${recipe.description}\n` : ''}
Made by stillroom from \`recipes/${name}/recipe.ts\` and \`recipes/${name}/lock.json\`; don't edit it.
It needs no stillroom, only a POSIX shell with curl or wget, and Docker 23 or newer with buildx.${git}

\`\`\`sh
./fetch.sh
docker buildx build --platform ${recipe.platform} --build-arg SOURCE_DATE_EPOCH=${locked.epoch} \\
  --provenance=false --sbom=false --load --metadata-file metadata.json --tag stillroom/${name} .
sed -n 's/.*"containerimage.config.digest": "\\([^"]*\\)".*/\\1/p' metadata.json
\`\`\`

The last line prints the image ID, the digest of the image's config. ${expected}
(\`docker images\` shows the same, but where Docker keeps its images in containerd: there it is the manifest's digest.)

- \`fetch.sh\` takes each file that \`artifacts.tsv\` names from the sources this machine is set up with, checks its size
  and sha256, and puts it below \`artifacts/\`. \`./fetch.sh --help\` says how to name other sources, such as a snapshot
  service for what mirrors no longer have.
- \`Dockerfile\` runs the programs in \`build/\`, each without network, on \`artifacts/\` and the lists in \`account/\`,
  \`base/\` and \`steps/\`.
`
}
