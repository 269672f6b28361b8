/** One package that apt would put in place. */
export interface PlannedPackage {
  name: string
  version: string
  architecture: string
}

export interface Simulation {
  install: PlannedPackage[]
  /** What dpkg is to do, in this order: `unpack NAME...` or `configure NAME...`. */
  order: string[]
  /** Names of installed packages that apt would take away. */
  remove: string[]
}

// Inst NAME[:ARCH] [OLD-VERSION] (VERSION ORIGIN... [ARCH]) [...]
const INSTALL = /^Inst ([^\s:]+)(?::\S+)? (?:\[\S+\] )?\((\S+) .*?\[(\S+)\]\)/
const CONFIGURE = /^Conf ([^\s:]+)/
const REMOVE = /^Remv ([^\s:]+)/

/** Reads what `apt-get --simulate install` prints. */
export function parseSimulation(output: string): Simulation {
  const install: PlannedPackage[] = []
  const remove: string[] = []
  const actions: { verb: string; names: string[] }[] = []
  const act = (verb: string, name: string) => {
    const last = actions.at(-1)
    if (last?.verb === verb) last.names.push(name)
    else actions.push({ verb, names: [name] })
  }
  for (const line of output.split('\n')) {
    const planned = INSTALL.exec(line)
    if (planned) {
      const [, name, version, architecture] = planned as unknown as [string, string, string, string]
      install.push({ name, version, architecture })
      act('unpack', name)
    }
    const configured = CONFIGURE.exec(line)?.[1]
    if (configured !== undefined) act('configure', configured)
    const removed = REMOVE.exec(line)?.[1]
    if (removed !== undefined) remove.push(removed)
  }
  return { install, remove, order: actions.map(({ verb, names }) => [verb, ...names].join(' ')) }
}
