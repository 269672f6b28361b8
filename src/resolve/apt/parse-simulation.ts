/** One package that apt would put in place. */
export interface PlannedPackage {
  name: string
  version: string
  architecture: string
}

export interface Simulation {
  install: PlannedPackage[]
  /** Names of installed packages that apt would take away. */
  remove: string[]
}

// Inst NAME[:ARCH] [OLD-VERSION] (VERSION ORIGIN... [ARCH]) [...]
const INSTALL = /^Inst ([^\s:]+)(?::\S+)? (?:\[\S+\] )?\((\S+) .*?\[(\S+)\]\)/
const REMOVE = /^Remv ([^\s:]+)/

/** Reads what `apt-get --simulate install` prints. */
export function parseSimulation(output: string): Simulation {
  const install: PlannedPackage[] = []
  const remove: string[] = []
  for (const line of output.split('\n')) {
    const planned = INSTALL.exec(line)
    if (planned) {
      const [, name, version, architecture] = planned as unknown as [string, string, string, string]
      install.push({ name, version, architecture })
    }
    const removed = REMOVE.exec(line)?.[1]
    if (removed !== undefined) remove.push(removed)
  }
  return { install, remove }
}
