import { stepName } from '../../dockerfile/step-name.ts'
import type { DebianIndex, LockedBase, LockedPlatform, LockedStep } from '../../lock/schema.ts'
import { bytesInWords } from '../html/bytes.ts'
import { type Html, html } from '../html/html.ts'
import { timeOf } from '../html/time-of.ts'
import type { RecipePage } from './recipe-page.ts'
import { stepWords } from './step-words.ts'

/** Where each part comes from, as the lockfile has it: by name and digest, and no mirror. */
export function sourcesSection({ recipe, locked }: RecipePage): Html {
  const words = stepWords(recipe)
  const steps = locked.steps.map((step, index) => {
    const name = stepName(index, step.kind)
    return html`<h3>${name}</h3><p>${words.get(name) ?? ''}</p>${facts(stepFacts(step, locked))}`
  })
  return html`<section id="sources"><h2>Where it comes from</h2>
<p>Each source is named with its digest, as the lockfile has it. Where the bytes are fetched from does not matter: they are verified by sha256.</p>
<h3>base</h3>${baseSources(locked.base)}
${steps}</section>`
}

type Facts = [string, string | number | undefined][]

function facts(list: Facts): Html {
  const known = list.filter(([, value]) => value !== undefined)
  return html`<dl>${known.map(([name, value]) => html`<dt>${name}</dt><dd><code>${value}</code></dd>`)}</dl>`
}

function baseSources(base: LockedBase): Html {
  if (base.kind === 'debian')
    return html`<p>Debian ${base.suite}: ${base.packages.length} packages, from these indexes, as all apt steps.</p>${indexTable(base.indexes)}`
  if (base.kind === 'recipe')
    return html`${facts([
      ['recipe', base.recipe],
      ['made', base.created],
      ['packages', base.inventory.length],
    ])}${base.indexes.length > 0 && indexTable(base.indexes)}`
  return html`${facts([
    ['reference', base.reference],
    ['manifest', base.manifest],
    ['image ID', base.config],
    ['made', base.created],
    ['layers', base.layers.length],
    ['packages', base.inventory.length],
  ])}${base.indexes.length > 0 && indexTable(base.indexes)}`
}

function indexTable(indexes: readonly DebianIndex[]): Html {
  const rows = indexes.map(
    ({ archive, suite, component, date, packages, signedBy }) =>
      html`<tr><th scope="row">${archive}</th><td data-label="suite">${suite} ${component}</td><td data-label="of">${timeOf(date)}</td><td data-label="sha256"><code>${packages}</code></td><td data-label="signed by">${signedBy.map((key) => html`<code>${key}</code> `)}</td></tr>`,
  )
  return html`<div class="scroll" tabindex="0" role="region" aria-label="Indexes"><table class="cards">
<thead><tr><th scope="col">archive</th><th scope="col">suite</th><th scope="col">of</th><th scope="col">sha256 of the index</th><th scope="col">signed by</th></tr></thead>
<tbody>${rows}</tbody></table></div>`
}

function stepFacts(step: LockedStep, { recipes = {} }: Pick<LockedPlatform, 'recipes'>): Facts {
  switch (step.kind) {
    case 'apt':
      return [['packages', step.packages.length], fetched(step.packages)]
    case 'pip': {
      const indexes = [...new Set(step.files.flatMap(({ index }) => index ?? []))]
      return [
        ['packages', step.files.length],
        fetched(step.files),
        ['installed by pip', step.pip],
        ['built from source', Object.keys(step.build).join(', ') || undefined],
        ['met by the base', step.provided.map(({ name }) => name).join(', ') || undefined],
        ['from an index of its own', indexes.join(', ') || undefined],
      ]
    }
    case 'git':
      return [
        ['repository', step.url],
        ['commit', step.commit],
        ['tree', step.tree],
        ...step.submodules.map(({ path, url, commit }): Facts[number] => [path, `${url} ${commit}`]),
        ['files of git-lfs', step.lfs.length || undefined],
        ['archive', `sha256:${step.sha256}`],
      ]
    case 'file':
      return [['address', step.url], fetched([step]), ['content', `sha256:${step.sha256}`]]
    case 'project':
      return [
        ['commit', step.commit],
        ['tree', step.tree],
        ['left out', step.part?.exclude.join(', ')],
      ]
    case 'copy':
      return [
        ['recipe', step.recipe],
        ['path in its image', step.path],
        ['image ID', recipes[step.recipe]?.image.id],
        ['tree', recipes[step.recipe]?.image.tree],
      ]
    case 'run':
      return []
  }
}

function fetched(artifacts: readonly { size: number }[]): Facts[number] {
  return ['fetched', bytesInWords(artifacts.reduce((sum, { size }) => sum + size, 0))]
}
