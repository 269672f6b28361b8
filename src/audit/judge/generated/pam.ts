import type { FileTree } from '../../../image/file-tree.ts'

/** A profile of a package (`/usr/share/pam-configs`), as pam-auth-update reads it. */
interface PamProfile {
  name: string
  fields: ReadonlyMap<string, string>
}

const TYPES = ['auth', 'account', 'password', 'session', 'session-noninteractive'] as const

/** What stands in for a block without a profile. */
const NOTHING = '[default=1]\t\t\tpam_permit.so'
const PRIMARY = '# here are the per-package modules (the "Primary" block)'
const FALLBACK = "# here's the fallback if no module succeeds"
const ADDITIONAL = '# and here are more per-package modules (the "Additional" block)'
const END = '# end of pam-auth-update config'

/**
 * The files that pam-auth-update(8) writes when packages are set up, by path: `/etc/pam.d/common-*` from the templates and
 * the profiles that are on by default, and its notes of them.
 */
export function pamFiles(tree: FileTree): Map<string, string> {
  const profiles = readProfiles(tree)
  const enabled = enabledProfiles(profiles)
  const found = new Map<string, string>()
  for (const type of TYPES) {
    const template = tree.read(`usr/share/pam/common-${type}`)?.toString('latin1')
    if (template !== undefined) found.set(`etc/pam.d/common-${type}`, fillIn(template, type, enabled))
    found.set(`var/lib/pam/${type}`, notesOf(type, enabled))
  }
  found.set('var/lib/pam/seen', profiles.map(({ name }) => `${name}\n`).join(''))
  return found
}

/** What pam-auth-update offers: names and titles of all profiles, and the names of those that are on by default. */
export function pamChoices(tree: FileTree): Record<'names' | 'titles' | 'enabled', string[]> {
  const profiles = readProfiles(tree)
  const names = (list: readonly PamProfile[]) => list.map(({ name }) => name)
  return {
    names: names(profiles),
    titles: profiles.map(({ fields }) => fields.get('Name') ?? ''),
    enabled: names(enabledProfiles(profiles)),
  }
}

function readProfiles(tree: FileTree): PamProfile[] {
  return tree
    .list('usr/share/pam-configs')
    .filter((name) => !/~$|^#.+#$/.test(name))
    .map((name) => readProfile(name, tree.read(`usr/share/pam-configs/${name}`)?.toString('latin1') ?? ''))
    .filter(({ fields }) => !isTrue(fields.get('disabled')))
    .sort(byPriority)
}

const enabledProfiles = (profiles: readonly PamProfile[]) =>
  withoutConflicts(profiles.filter(({ fields }) => fields.get('Default') === 'yes'))

const isTrue = (text: string | undefined) => text !== undefined && text !== '' && text !== '0'

function byPriority(a: PamProfile, b: PamProfile): number {
  const priority = ({ fields }: PamProfile) => Number(fields.get('Priority') ?? 0)
  return priority(b) - priority(a) || (a.name < b.name ? 1 : -1)
}

/** Of two that exclude one another, the first stays. */
function withoutConflicts(profiles: readonly PamProfile[]): PamProfile[] {
  let left = [...profiles]
  for (const { name, fields } of profiles) {
    if (!left.some((each) => each.name === name)) continue
    const conflicts = (fields.get('Conflicts') ?? '').split(', ')
    left = left.filter((each) => !conflicts.includes(each.name))
  }
  return left
}

/** `Field: value`, or a field alone with its lines below it. */
function readProfile(name: string, text: string): PamProfile {
  const fields = new Map<string, string>()
  let field = ''
  for (const line of text.split('\n')) {
    const [, short, value = ''] = /^(\S+):\s+(.*?)\s*$/.exec(line) ?? []
    const [, long] = /^(\S+):$/.exec(line) ?? []
    if (short !== undefined && value !== '') {
      field = short.replace(/-Final$/, '')
      fields.set(field, value)
    } else if (long !== undefined || short !== undefined) {
      field = (long ?? short ?? '').replace(/-Final$/, '')
      fields.set(field, '')
    } else if (field !== '' && line.trim() !== '') {
      fields.set(field, `${fields.get(field) ?? ''}${line.replace(/^\s+/, '')}\n`)
    }
  }
  const interactive = fields.get('Session-Interactive-Only')
  if (interactive !== 'yes')
    for (const part of ['-Type', '', '-Initial']) {
      const value = fields.get(`Session${part}`)
      if (value !== undefined) fields.set(`Session-noninteractive${part}`, value)
    }
  return { name, fields }
}

const capital = (type: string) => `${type.charAt(0).toUpperCase()}${type.slice(1)}`

/** The lines of the profiles of a block: the first has its own way to begin. */
function linesOf(
  type: string,
  block: string,
  enabled: readonly PamProfile[],
): [name: string, lines: string[]][] {
  const field = capital(type)
  return enabled
    .filter(({ fields }) => fields.get(`${field}-Type`) === block)
    .map(({ name, fields }, index) => {
      const initial = index === 0 ? fields.get(`${field}-Initial`) : undefined
      const text = initial ?? fields.get(field) ?? ''
      return [name, text.split('\n').filter((line) => line !== '')]
    })
}

function fillIn(template: string, type: string, enabled: readonly PamProfile[]): string {
  const kind = type.replace('-noninteractive', '')
  const out: string[] = []
  let until: string | undefined
  for (const line of template.split('\n')) {
    if (until !== undefined && line !== until) continue
    until = undefined
    out.push(line)
    if (line !== PRIMARY && line !== ADDITIONAL) continue
    const block = line === PRIMARY ? 'Primary' : 'Additional'
    const lines = linesOf(type, block, enabled).flatMap(([, each]) => each)
    if (block === 'Primary' && lines.length === 0) out.push(`${kind}\t${NOTHING}`)
    let count = lines.length - (block === 'Additional' ? 1 : 0)
    for (const each of lines) {
      out.push(`${kind}\t${jumpsCounted(each, count)}`)
      count -= 1
    }
    until = block === 'Primary' ? FALLBACK : END
  }
  return out.join('\n')
}

/** `success=end` leads behind the block. */
function jumpsCounted(line: string, count: number): string {
  const [, module, options = ''] = /^((?:\[[^\]]+\]|\w+)\s+\S+)\s*(.*)/.exec(line) ?? []
  if (module === undefined) return line
  return `${module.replaceAll('end', `${count}`)} ${options.split(/\s+/).join(' ')}`
}

function notesOf(type: string, enabled: readonly PamProfile[]): string {
  const primary = linesOf(type, 'Primary', enabled)
  const notes = (entries: [string, string[]][]) =>
    entries.map(([name, lines]) => `Module: ${name}\n${lines.join('\n')}\n`).join('')
  const first = primary.length === 0 ? `Module: null\n${NOTHING}\n` : notes(primary)
  return `${first}${notes(linesOf(type, 'Additional', enabled))}`
}
