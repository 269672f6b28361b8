import { describe, expect, test } from 'vitest'
import { smallLock, smallRecipe } from '../../lock/small-lock.test-data.ts'
import type { Recipe } from '../../recipe/schema.ts'
import { citationFile, zenodoMetadata } from './citation.ts'
import { type DepositFacts, sourceIds } from './deposit-facts.ts'
import { depositReadme } from './deposit-readme.ts'
import { roCrate } from './ro-crate.ts'

const locked = smallLock.platforms['linux/amd64'] ?? expect.unreachable()
const file = (name: string, image?: 'docker' | 'sif') => ({
  ...{ name, size: 10, sha256: '1'.repeat(64), about: `what ${name} is`, mediaType: 'application/x-tar' },
  ...(image && { image }),
})

function factsOf(more: Partial<Recipe> = {}): DepositFacts {
  const recipe = { ...smallRecipe, ...more }
  return {
    ...{ name: 'small', recipe, locked, image: `sha256:${'a'.repeat(64)}` },
    files: [file('small.tar', 'docker'), file('small.sif', 'sif'), file('lock.json')],
    sources: sourceIds({ recipe, locked }),
  }
}

const README = { size: 5, sha256: '2'.repeat(64) }
const ADA = {
  name: 'Lovelace, Ada',
  orcid: '0000-0002-1825-0097',
  affiliation: 'Analytical "Engines": & Co.',
}

describe('the documents of a deposit', () => {
  test('name authors, licence, DOI and sources of the recipe', () => {
    const license = 'CC-BY-4.0'
    const facts = factsOf({ authors: [ADA, { name: 'The group' }], license, doi: '10.5281/zenodo.1' })
    expect(citationFile(facts)).toContain(
      [
        '  - family-names: "Lovelace"',
        '    given-names: "Ada"',
        '    orcid: "https://orcid.org/0000-0002-1825-0097"',
        '    affiliation: "Analytical \\"Engines\\": & Co."',
        '  - name: "The group"',
      ].join('\n'),
    )
    const { metadata } = JSON.parse(zenodoMetadata(facts))
    expect(metadata).toMatchObject({ creators: [ADA, { name: 'The group' }], license: 'cc-by-4.0' })
    const graph: Record<string, unknown>[] = JSON.parse(roCrate(facts, README))['@graph']
    expect(graph.find((entity) => entity['@id'] === './')).toMatchObject({
      license: { '@id': 'https://spdx.org/licenses/CC-BY-4.0' },
      author: [{ '@id': 'https://orcid.org/0000-0002-1825-0097' }, { '@id': '#organisation-2' }],
      publisher: [{ '@id': 'https://orcid.org/0000-0002-1825-0097' }, { '@id': '#organisation-2' }],
      identifier: { '@id': 'https://doi.org/10.5281/zenodo.1' },
    })
    expect(facts.sources.length).toBeGreaterThan(0)
    for (const { swhid } of facts.sources) {
      expect(swhid).toMatch(/^swh:1:(rev|dir):[0-9a-f]{40}$/)
      expect(depositReadme(facts)).toContain(swhid)
      expect(graph.map((entity) => entity['@id'])).toContain(swhid)
    }
  })

  test('name the publisher, who may be where an author works, once', () => {
    const publisher = { name: ADA.affiliation, url: 'https://ror.org/03f0f6041', email: 'ask@example.org' }
    const authors = [{ ...ADA, email: 'ada@example.org' }]
    const facts = factsOf({ authors, publisher })
    const graph: Record<string, unknown>[] = JSON.parse(roCrate(facts, README))['@graph']
    expect(graph.find((entity) => entity['@id'] === './')).toMatchObject({
      author: { '@id': 'https://orcid.org/0000-0002-1825-0097' },
      publisher: { '@id': publisher.url },
    })
    const organisations = graph.filter((entity) => entity['@type'] === 'Organization')
    expect(organisations).toMatchObject([
      { '@id': publisher.url, name: publisher.name, contactPoint: { '@id': 'mailto:ask@example.org' } },
    ])
    expect(graph.find((entity) => entity['@type'] === 'Person')).toMatchObject({
      affiliation: { '@id': publisher.url },
      contactPoint: { '@id': 'mailto:ada@example.org' },
    })
    expect(citationFile(facts)).toContain('    email: "ada@example.org"')
  })

  test('refer to nothing that is not there', () => {
    const publisher = { name: 'The library' }
    for (const facts of [
      factsOf(),
      factsOf({ authors: [ADA], publisher, doi: '10.5281/zenodo.1' }),
      { ...factsOf(), files: [], sources: [] },
    ]) {
      const graph: Record<string, unknown>[] = JSON.parse(roCrate(facts, README))['@graph']
      const ids = new Set(graph.map((entity) => entity['@id']))
      expect(ids.size).toBe(graph.length)
      const text = JSON.stringify(graph)
      const outside = /^https:\/\/w3id\.org\/ro\//
      for (const [, id = ''] of text.matchAll(/:\{"@id":"([^"]+)"\}|\[?\{"@id":"([^"]+)"\}/g))
        if (!outside.test(id) && id !== '') expect(ids).toContain(id)
    }
  })
})
