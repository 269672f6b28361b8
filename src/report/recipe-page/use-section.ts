import { expectedConfig, redactConfig } from '../../audit/compare/compare-config.ts'
import { bytesInWords } from '../html/bytes.ts'
import { type Html, html } from '../html/html.ts'
import type { RecipePage } from './recipe-page.ts'

/** How to build, run, save and load it, and what its settings are. */
export function useSection({ name, recipe, locked }: RecipePage): Html {
  const { image, base } = locked
  const tasks = Object.entries(recipe.tasks).map(
    ([
      task,
      { description, command, ports, waitFor },
    ]) => html`<tr><th scope="row">${task}</th><td data-label="what it does">${description}</td>
<td data-label="how to run it"><code>stillroom run recipe ${name} ${task}</code></td><td data-label="command"><code>${command.join(' ')}</code></td><td data-label="ports">${ports.join(', ')}</td>
<td data-label="waits for">${waitFor.map(({ host, port }) => `${host}:${port}`).join(', ')}</td></tr>`,
  )
  return html`<section id="use"><h2>How to use it</h2>
<p>In a clone of the repository with the recipe:</p>
<pre><code>stillroom build recipe ${name}
stillroom shell recipe ${name}
stillroom verify recipe ${name}</code></pre>
<p><code>build</code> gives the image ID above or says in what it differs; <code>verify</code> does so from nothing.</p>
${
  tasks.length > 0 &&
  html`<h3>Tasks</h3><div class="scroll" tabindex="0" role="region" aria-label="Tasks"><table class="cards">
<thead><tr><th scope="col">task</th><th scope="col">what it does</th><th scope="col">how to run it</th><th scope="col">command</th><th scope="col">ports</th><th scope="col">waits for</th></tr></thead>
<tbody>${tasks}</tbody></table></div>`
}
<h3>As a file</h3>
<pre><code>stillroom save recipe ${name} ${name}.tar
stillroom load ${name}.tar${image.archive && ` --sha256 ${image.archive.sha256}`}</code></pre>
${
  image.archive
    ? html`<p>The archive has ${bytesInWords(image.archive.size)} (${image.archive.size} bytes) and this sha256 on every machine. <code>docker load</code> and <code>podman load</code> take it, too.</p>`
    : html`<p>The lockfile has no sum of the archive yet: the first <code>save</code> writes it.</p>`
}
${
  image.published &&
  html`<h3>From a registry</h3>
<pre><code>docker pull ${image.published.reference.replace(/:[^:/]+$/, '')}@${image.published.manifest}</code></pre>
<p>This digest stands for the image in every registry.</p>`
}
<h3>Settings of the image</h3>
${settings(redactConfig(expectedConfig(recipe, base)))}</section>`
}

function settings(config: ReturnType<typeof expectedConfig>): Html {
  const { user, workdir, env, entrypoint, cmd, labels, ports, volumes } = config
  const words = (list: readonly string[] | null) => (list === null ? [] : [JSON.stringify(list)])
  const pairs = (values: Record<string, string>) =>
    Object.entries(values).map(([key, value]) => `${key}=${value}`)
  const rows: [string, string[]][] = [
    ['user', [user || 'root']],
    ['working directory', [workdir || '/']],
    ['entrypoint', words(entrypoint)],
    ['command', words(cmd)],
    ['ports', ports.length === 0 ? [] : [ports.join(', ')]],
    ['volumes', volumes],
    ['environment', pairs(env)],
    ['labels', pairs(labels)],
  ]
  return html`<dl>${rows
    .filter(([, values]) => values.length > 0)
    .map(
      ([term, values]) =>
        html`<dt>${term}</dt><dd>${values.map((value) => html`<code>${value}</code><br>`)}</dd>`,
    )}</dl>`
}
