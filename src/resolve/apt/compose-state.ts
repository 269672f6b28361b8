/** What apt knows of an image's packages: the texts of dpkg's `status` and of apt's own `extended_states`. */
export interface AptState {
  status: string
  /** Which packages are there only because others need them. */
  marks: string
}

/** What an apt step installs. */
export interface InstalledPackages {
  /** The `control` file of each .deb. */
  controls: readonly string[]
  /** Names that the step asks for: they are marked as manually installed, what else it installs as automatic. */
  requested: readonly string[]
}

/**
 * The state that steps leave behind, without installing anything: dpkg writes each package's control data, with the word that
 * it is installed, in the order of their names; the build script of the step then marks them (apt.sh).
 *
 * @param state before the steps
 */
export function composeState(state: AptState, steps: readonly InstalledPackages[]): AptState {
  if (steps.length === 0) return state
  const status = new Map(stanzasOf(state.status).map((stanza) => [keyOf(stanza), stanza]))
  const marks = new Map(stanzasOf(state.marks).map((stanza) => [keyOf(stanza), stanza]))
  for (const { controls, requested } of steps) {
    for (const control of controls) {
      const [stanza = ''] = stanzasOf(control)
      status.set(keyOf(stanza), stanza.replace(/^Package:.*$/im, '$&\nStatus: install ok installed'))
      const name = fieldOf(stanza, 'Package')
      marks.set(keyOf(stanza), `Package: ${name}\nArchitecture: amd64\nAuto-Installed: 1`)
    }
    for (const name of requested) marks.delete(`${name} amd64`)
  }
  return { status: sorted(status), marks: sorted(marks) }
}

/** A package is there once in each architecture; what is of all of them takes the place of the machine's own. */
function keyOf(stanza: string): string {
  const architecture = fieldOf(stanza, 'Architecture')
  return `${fieldOf(stanza, 'Package')} ${architecture === 'all' ? 'amd64' : architecture}`
}

function fieldOf(stanza: string, name: string): string {
  return new RegExp(`^${name}:[ \\t]*(.*?)[ \\t]*$`, 'im').exec(stanza)?.[1] ?? ''
}

function stanzasOf(text: string): string[] {
  return text
    .split(/\n(?:[ \t]*\n)+/)
    .map((stanza) => stanza.replace(/^\n+|\s+$/g, ''))
    .filter((stanza) => stanza !== '')
}

function sorted(stanzas: ReadonlyMap<string, string>): string {
  return [...stanzas]
    .sort(([a], [b]) => (a < b ? -1 : 1))
    .map(([, stanza]) => `${stanza}\n`)
    .join('\n')
}
