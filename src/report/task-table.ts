/** A task in the background. */
interface Row {
  recipe: string
  task: string
  instance: string | null
  directory: string
  state: string
  exitCode: number | null
  started: string
  ports: string[]
}

interface ContainerRow {
  name: string
  status: string
  network: string
  ports: string[]
}

/** Tasks in the background and containers of tasks as text, with a newline at the end. */
export function taskTable({
  tasks,
  containers,
}: {
  tasks: readonly Row[]
  containers: readonly ContainerRow[] | null
}): string {
  const named = (text: string, instance: string | null) =>
    instance === null ? text : `${text} --name ${instance}`
  const state = ({ state, exitCode }: Row) => (exitCode === null ? state : `${state}, ${exitCode}`)
  const lines = [
    ...(tasks.length === 0
      ? ['no task runs in the background']
      : table([
          ['recipe', 'task', 'state', 'since', 'project', 'ports'],
          ...tasks.map((row) => [
            row.recipe,
            named(row.task, row.instance),
            state(row),
            row.started.slice(0, 19).replace('T', ' '),
            row.directory,
            row.ports.join(', '),
          ]),
        ])),
    ...(containers === null
      ? ['no engine answers']
      : containers.length === 0
        ? []
        : [
            '',
            ...table([
              ['container', 'status', 'network', 'ports'],
              ...containers.map(({ name, status, network, ports }) => [
                name,
                status,
                network,
                ports.join(', '),
              ]),
            ]),
          ]),
  ]
  return `${lines.join('\n')}\n`
}

function table(rows: readonly (readonly string[])[]): string[] {
  const widths = (rows[0] ?? []).map((_, i) => Math.max(...rows.map((row) => (row[i] ?? '').length)))
  return rows.map((row) =>
    row
      .map((cell, i) => cell.padEnd(widths[i] ?? 0))
      .join('  ')
      .trimEnd(),
  )
}
