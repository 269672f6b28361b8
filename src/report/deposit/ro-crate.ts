import { type DepositFacts, type DepositFile, dayOf, titleOf } from './deposit-facts.ts'

/** Terms for images of containers, of the Workflow Run RO-Crate profiles. */
const IMAGE_TERMS = 'https://w3id.org/ro/terms/workflow-run#'

const README = { name: 'README.md', about: 'what this is, and how to use it', mediaType: 'text/markdown' }

/**
 * `ro-crate-metadata.json` (RO-Crate 1.2): what a deposit is, who made it, and what each of its files is. No action is told of:
 * a deposit is what can be run, not a run.
 *
 * @param readme README.md, which does not list itself
 */
export function roCrate(facts: DepositFacts, readme: Pick<DepositFile, 'size' | 'sha256'>): string {
  const { name, recipe, locked, image, files, sources } = facts
  const authors = recipe.authors.map((author, index) => ({
    '@id': author.orcid === undefined ? `#author-${index + 1}` : `https://orcid.org/${author.orcid}`,
    '@type': 'Person',
    name: author.name,
    ...(author.affiliation !== undefined && { affiliation: author.affiliation }),
  }))
  const license = licenseEntity(recipe.license)
  const saved = files.find((file) => file.image === 'docker')
  const all = [{ ...README, ...readme }, ...files]
  const graph = [
    {
      '@id': 'ro-crate-metadata.json',
      '@type': 'CreativeWork',
      conformsTo: { '@id': 'https://w3id.org/ro/crate/1.2' },
      about: { '@id': './' },
    },
    {
      '@id': './',
      '@type': 'Dataset',
      name: titleOf(facts),
      description: `The container image ${image} of recipe ${name}, and all that it takes to build it again, byte for byte, without a network.`,
      datePublished: dayOf(locked),
      license: reference(license),
      ...(recipe.doi !== undefined && { identifier: `https://doi.org/${recipe.doi}` }),
      ...(authors.length > 0 && { author: authors.map(reference) }),
      ...(saved && { mainEntity: { '@id': saved.name } }),
      hasPart: all.map((file) => ({ '@id': file.name })),
      ...(sources.length > 0 && { isBasedOn: sources.map(({ swhid }) => ({ '@id': swhid })) }),
    },
    ...all.map((file) => fileEntity(file, name)),
    ...authors,
    license,
    ...sources.map(({ swhid, origin }) => ({
      '@id': swhid,
      '@type': 'SoftwareSourceCode',
      name: origin,
      identifier: swhid,
      ...(/^https?:/.test(origin) && { codeRepository: origin }),
    })),
  ]
  const terms = { ContainerImage: `${IMAGE_TERMS}ContainerImage`, tag: `${IMAGE_TERMS}tag` }
  const context = ['https://w3id.org/ro/crate/1.2/context', terms]
  return `${JSON.stringify({ '@context': context, '@graph': graph }, null, 2)}\n`
}

function fileEntity({ name, size, sha256, about, mediaType, image }: DepositFile, recipe: string) {
  const kind = image === 'sif' ? 'SIFImage' : 'DockerImage'
  return {
    '@id': name,
    '@type': image === undefined ? 'File' : ['File', 'ContainerImage'],
    name,
    description: about,
    encodingFormat: mediaType,
    contentSize: String(size),
    sha256,
    ...(image !== undefined && { additionalType: { '@id': `${IMAGE_TERMS}${kind}` } }),
    ...(image === 'docker' && { tag: `stillroom/${recipe}` }),
  }
}

const reference = (entity: { '@id': string }) => ({ '@id': entity['@id'] })

function licenseEntity(license: string | undefined) {
  const description =
    'Of what the authors made. Each package in the image has its own licence: the bills of materials have them.'
  return license === undefined
    ? { '@id': '#license', '@type': 'CreativeWork', name: 'None is stated', description }
    : { '@id': `https://spdx.org/licenses/${license}`, '@type': 'CreativeWork', name: license, description }
}
