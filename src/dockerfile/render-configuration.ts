import type { Recipe } from '../recipe/schema.ts'
import { dockerfileWord, execForm, wordList } from './quote.ts'

const ROOT_PATH = '/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin'

/** Instructions that set what the image's config says: environment, labels, user, command. */
export function renderConfiguration(recipe: Recipe): string[] {
  const lines: string[] = []
  const { env, labels, user, workdir, entrypoint, cmd, expose, volumes } = recipe
  lines.push(`ENV ${assignment(['PATH', env.PATH ?? ROOT_PATH])}`)
  for (const entry of sorted(env)) if (entry[0] !== 'PATH') lines.push(`ENV ${assignment(entry)}`)
  for (const [key, value] of sorted(labels))
    lines.push(`LABEL ${dockerfileWord(key)}=${dockerfileWord(value)}`)
  for (const port of expose) lines.push(`EXPOSE ${port}`)
  if (volumes.length > 0) lines.push(`VOLUME ${wordList(volumes)}`)
  if (user) lines.push(`USER ${user.name}`)
  if (workdir) lines.push(`WORKDIR ${dockerfileWord(workdir)}`)
  if (entrypoint) lines.push(`ENTRYPOINT ${execForm(entrypoint)}`)
  if (cmd) lines.push(`CMD ${execForm(cmd)}`)
  return lines
}

function assignment([name, value]: [string, string]): string {
  return `${name}=${dockerfileWord(value)}`
}

function sorted(entries: Record<string, string>): [string, string][] {
  return Object.entries(entries).sort(([a], [b]) => (a < b ? -1 : 1))
}
