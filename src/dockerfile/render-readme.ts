import type { LockedPlatform } from '../lock/schema.ts'
import type { Recipe } from '../recipe/schema.ts'

/** How to build a context without stillroom, for whoever finds it in years. */
export function renderReadme(name: string, recipe: Recipe, locked: LockedPlatform): string {
  const expected = locked.image
    ? `It must print \`${locked.image.id}\`.`
    : 'No image has been recorded in the lockfile yet.'
  return `# Build context of \`${name}\`
${recipe.description ? `\n${recipe.description}\n` : ''}
Made by stillroom from \`recipes/${name}/recipe.ts\` and \`recipes/${name}/lock.json\`; don't edit it.
It needs no stillroom: a POSIX shell, curl, xz and git fetch the artifacts, Docker with buildx builds the image.

\`\`\`sh
./fetch.sh
docker buildx build --platform ${recipe.platform} --build-arg SOURCE_DATE_EPOCH=${locked.epoch} \\
  --provenance=false --load --metadata-file metadata.json --tag stillroom/${name} .
sed -n 's/.*"containerimage.config.digest": "\\([^"]*\\)".*/\\1/p' metadata.json
\`\`\`

The last line prints the image ID. ${expected}

- \`fetch.sh\` reads \`artifacts.tsv\`, takes each file from the sources this machine is set up with (\`./fetch.sh --help\`
  says how to name others), checks size and sha256, and puts it below \`artifacts/\`.
- \`Dockerfile\` runs the programs in \`build/\`, each without network, on the lists in \`base/\`, \`account/\` and \`steps/\`.
`
}
