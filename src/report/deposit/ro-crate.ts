import type { Publisher, Recipe } from '../../recipe/schema.ts'
import { type DepositFacts, type DepositFile, dayOf, personName, titleOf } from './deposit-facts.ts'

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
  const people = peopleOf(recipe)
  const license = licenseEntity(recipe.license)
  const doi = recipe.doi === undefined ? undefined : doiEntity(recipe.doi)
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
      ...(doi && { identifier: reference(doi) }),
      ...(people.authors.length > 0 && { author: oneOrMore(people.authors) }),
      ...(people.publishers.length > 0 && { publisher: oneOrMore(people.publishers) }),
      ...(saved && { mainEntity: { '@id': saved.name } }),
      hasPart: oneOrMore(all.map((file) => ({ '@id': file.name }))),
      ...(sources.length > 0 && { isBasedOn: oneOrMore(sources.map(({ swhid }) => ({ '@id': swhid }))) }),
    },
    ...all.map((file) => fileEntity(file, name)),
    ...people.entities,
    ...(doi ? [doi] : []),
    license,
    ...sources.map(({ swhid, origin }) => ({
      '@id': swhid,
      // SoftwareSourceCode is for scripts that are files
      '@type': 'CreativeWork',
      name: origin,
      identifier: swhid,
      ...(/^https?:/.test(origin) && { url: origin }),
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

type Entity = { '@id': string } & Record<string, unknown>

/** Authors and publishers, with the organisations they are of and where they answer; each of these once. */
function peopleOf({ authors, publisher }: Recipe) {
  const found = new Map<string, Entity>()
  const note = (entity: Entity) => {
    found.set(entity['@id'], { ...entity, ...found.get(entity['@id']) })
    return entity
  }
  const contact = (email: string | undefined) =>
    email !== undefined && {
      contactPoint: reference(
        note({
          '@id': `mailto:${email}`,
          '@type': 'ContactPoint',
          name: email,
          contactType: 'questions',
          email,
        }),
      ),
    }
  const organisations = new Map<string, Entity>()
  const organisation = ({ name, url, email }: Publisher) => {
    const known = organisations.get(name)
    if (known) return known
    const id = url ?? `#organisation-${organisations.size + 1}`
    const made = note({ '@id': id, '@type': 'Organization', name, ...(url && { url }), ...contact(email) })
    organisations.set(name, made)
    return made
  }
  // first, since only here more is said of it than its name
  const publishers = publisher ? [organisation(publisher)] : []
  const made = authors.map((author, index) => {
    const { name, orcid, affiliation, email } = author
    if (orcid === undefined && personName(author) === undefined)
      return organisation({ name, ...(email !== undefined && { email }) })
    return note({
      '@id': orcid === undefined ? `#author-${index + 1}` : `https://orcid.org/${orcid}`,
      '@type': 'Person',
      name,
      ...(affiliation !== undefined && { affiliation: reference(organisation({ name: affiliation })) }),
      ...contact(email),
    })
  })
  return {
    authors: made,
    publishers: publisher ? publishers : made,
    entities: [...found.values()],
  }
}

function doiEntity(doi: string) {
  const url = `https://doi.org/${doi}`
  const propertyID = 'https://registry.identifiers.org/registry/doi'
  return { '@id': url, '@type': 'PropertyValue', name: 'DOI', propertyID, value: `doi:${doi}`, url }
}

/** A list of one is written as that one. */
function oneOrMore(entities: readonly { '@id': string }[]) {
  const [first, ...others] = entities.map(reference)
  return others.length === 0 ? first : [first, ...others]
}

const reference = (entity: { '@id': string }) => ({ '@id': entity['@id'] })

function licenseEntity(license: string | undefined) {
  const description =
    'Of what the authors made. Each package in the image has its own licence: the bills of materials have them.'
  return license === undefined
    ? { '@id': '#license', '@type': 'CreativeWork', name: 'None is stated', description }
    : { '@id': `https://spdx.org/licenses/${license}`, '@type': 'CreativeWork', name: license, description }
}
