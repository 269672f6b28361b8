import { type DepositFacts, dayOf, personName, titleOf } from './deposit-facts.ts'

/** A string of YAML: JSON's are strings of YAML, too (YAML 1.2, section 1.3). */
const text = (value: string) => JSON.stringify(value)

/** `CITATION.cff`, by the Citation File Format 1.2.0. */
export function citationFile(facts: DepositFacts): string {
  const { name, recipe, locked, image } = facts
  const authors = recipe.authors.length > 0 ? recipe.authors : [{ name: `The authors of ${name}` }]
  return [
    'cff-version: 1.2.0',
    'message: "If you use this image, please cite it by these metadata."',
    'type: software',
    `title: ${text(titleOf(facts))}`,
    'authors:',
    ...authors.flatMap((author) => {
      const person = personName(author)
      const first =
        person === undefined
          ? [`  - name: ${text(author.name)}`]
          : [`  - family-names: ${text(person.family)}`, `    given-names: ${text(person.given)}`]
      const { orcid, affiliation, email } = author
      return [
        ...first,
        ...(orcid === undefined ? [] : [`    orcid: ${text(`https://orcid.org/${orcid}`)}`]),
        // of a group there is none in the format
        ...(affiliation === undefined || person === undefined
          ? []
          : [`    affiliation: ${text(affiliation)}`]),
        ...(email === undefined ? [] : [`    email: ${text(email)}`]),
      ]
    }),
    `version: ${text(image)}`,
    `date-released: ${dayOf(locked)}`,
    ...(recipe.license === undefined ? [] : [`license: ${text(recipe.license)}`]),
    ...(recipe.doi === undefined ? [] : [`doi: ${text(recipe.doi)}`]),
    '',
  ].join('\n')
}

/** `zenodo.json`: what the deposition API of Zenodo takes as metadata of an upload. */
export function zenodoMetadata(facts: DepositFacts): string {
  const { name, recipe, locked, image, sources } = facts
  const metadata = {
    title: titleOf(facts),
    upload_type: 'software',
    description: `<p>The container image <code>${image}</code> of recipe <code>${name}</code>, and all that it takes to build it again, byte for byte, without a network. README.md says how.</p>`,
    creators: recipe.authors.map(({ name: author, orcid, affiliation }) => ({
      name: author,
      ...(affiliation !== undefined && { affiliation }),
      ...(orcid !== undefined && { orcid }),
    })),
    publication_date: dayOf(locked),
    access_right: 'open',
    ...(recipe.license !== undefined && { license: recipe.license.toLowerCase() }),
    version: image,
    ...(sources.length > 0 && {
      related_identifiers: sources.map(({ swhid }) => ({ identifier: swhid, relation: 'isDerivedFrom' })),
    }),
  }
  return `${JSON.stringify({ metadata }, null, 2)}\n`
}
