import type { BasedRecipe } from './image-base.ts'
import { dockerfileWord, execForm, wordList } from './quote.ts'

/** Where programs are looked for in an image whose recipe says nothing of it. */
export const ROOT_PATH = '/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin'

/** Instructions that set what the image's config says: environment, labels, user, command. */
export function renderConfiguration(recipe: BasedRecipe): string[] {
  const lines: string[] = []
  const { env, labels, workdir, entrypoint, cmd, expose, volumes, stopSignal = '' } = recipe
  const userName = recipe.userName ?? recipe.user?.name ?? ''
  lines.push(...renderEnvironment({ PATH: ROOT_PATH, ...env }))
  for (const [key, value] of sorted(labels))
    lines.push(`LABEL ${dockerfileWord(key)}=${dockerfileWord(value)}`)
  for (const port of expose) lines.push(`EXPOSE ${port}`)
  if (volumes.length > 0) lines.push(`VOLUME ${wordList(volumes)}`)
  if (userName !== '')
    lines.push(`USER ${/^[A-Za-z0-9._:-]+$/.test(userName) ? userName : dockerfileWord(userName)}`)
  if (workdir) lines.push(`WORKDIR ${dockerfileWord(workdir)}`)
  if (entrypoint) lines.push(`ENTRYPOINT ${execForm(entrypoint)}`)
  if (cmd) lines.push(`CMD ${execForm(cmd)}`)
  if (stopSignal !== '') lines.push(`STOPSIGNAL ${stopSignal}`)
  return lines
}

/** ENV instructions, PATH first. */
export function renderEnvironment({ PATH, ...others }: Readonly<Record<string, string>>): string[] {
  const entries: [string, string][] = [
    ...(PATH === undefined ? [] : [['PATH', PATH] as [string, string]]),
    ...sorted(others),
  ]
  return entries.map(([name, value]) => {
    // a base may have names that no shell has
    const word = /^[A-Za-z_][A-Za-z0-9_]*$/.test(name) ? name : dockerfileWord(name)
    return `ENV ${word}=${dockerfileWord(value)}`
  })
}

function sorted(entries: Readonly<Record<string, string>>): [string, string][] {
  return Object.entries(entries).sort(([a], [b]) => (a < b ? -1 : 1))
}
