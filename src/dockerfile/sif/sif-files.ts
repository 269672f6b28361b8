/** What a container of an image is started with, as Apptainer is told it. */
export interface SifSettings {
  env: Readonly<Record<string, string>>
  /** Empty for none. */
  workdir: string
  entrypoint: readonly string[] | null
  cmd: readonly string[] | null
  labels: Readonly<Record<string, string>>
  /** Commands of the recipe's tasks, by name. */
  tasks: Readonly<Record<string, { command: readonly string[]; workdir?: string | undefined }>>
}

/** A file or directory that a SIF has beside the image's own: root's. */
export interface SifFile {
  /** Below the root. */
  path: string
  type: 'directory' | 'file'
  mode: number
  content: Buffer
}

/**
 * What Apptainer looks for in the root file system of a SIF: the environment, what `apptainer run` does, what `apptainer run
 * --app TASK` does, and labels. The same for the same settings; directories before what is in them.
 */
export function sifFiles(settings: SifSettings): SifFile[] {
  const { labels, tasks } = settings
  const text = JSON.stringify(sorted(labels), null, 2)
  return [
    directory('.singularity.d'),
    directory('.singularity.d/env'),
    script('.singularity.d/env/90-environment.sh', environmentLines(settings)),
    // without this file Apptainer gives nothing of what it is told: it does so when it has read it
    script('.singularity.d/env/99-base.sh', ['# then come --env and APPTAINERENV_...']),
    file('.singularity.d/labels.json', `${text}\n`, 0o644),
    script('.singularity.d/runscript', runLines(settings)),
    ...(Object.keys(tasks).length === 0 ? [] : [directory('scif'), directory('scif/apps')]),
    ...Object.keys(sorted(tasks)).flatMap((name) => [
      directory(`scif/apps/${name}`),
      directory(`scif/apps/${name}/scif`),
      script(`scif/apps/${name}/scif/runscript`, taskLines(settings, name)),
    ]),
  ]
}

/**
 * Variables as the image has them, whatever the host's are; `apptainer --env` comes later and wins. The home is the user's,
 * which Apptainer mounts: there is none of the image's that they could write to.
 */
export function environmentLines({ env: { HOME: _, ...env } }: Pick<SifSettings, 'env'>): string[] {
  // packages of the host's ~/.local are not the image's
  const all = { PYTHONNOUSERSITE: '1', ...env }
  return Object.entries(sorted(all)).map(([name, value]) => `export ${name}=${shellWord(value)}`)
}

/** Entrypoint and command as an engine runs them: arguments take the command's place. */
export function runLines({
  entrypoint,
  cmd,
  workdir,
}: Omit<SifSettings, 'tasks' | 'env' | 'labels'>): string[] {
  const words = (command: readonly string[] | null) => (command ?? []).map(shellWord).join(' ')
  const given = cmd?.length ? words(cmd) : entrypoint?.length ? '' : '/bin/sh'
  return [
    ...directoryLines(workdir),
    ...(given === '' ? [] : [`[ $# -gt 0 ] || set -- ${given}`]),
    `exec ${entrypoint?.length ? `${words(entrypoint)} ` : ''}"$@"`,
  ]
}

/** A task's command; arguments come after its own. */
export function taskLines(
  { tasks, workdir }: Pick<SifSettings, 'tasks' | 'workdir'>,
  name: string,
): string[] {
  const task = tasks[name]
  if (task === undefined) throw new TypeError(`there is no task ${name}`)
  return [...directoryLines(task.workdir ?? workdir), `exec ${task.command.map(shellWord).join(' ')} "$@"`]
}

/** Apptainer itself stays where the user is. The home of the image's user need not be open to others, or there. */
const directoryLines = (workdir: string) =>
  workdir === '' || workdir === '/'
    ? []
    : [
        `cd ${shellWord(workdir)} 2>/dev/null || echo "stays in $PWD: "${shellWord(workdir)}" can't be entered" >&2`,
      ]

/** One word of a POSIX shell. */
export const shellWord = (word: string) =>
  /^[A-Za-z0-9_./:=@%+,-]+$/.test(word) ? word : `'${word.replaceAll("'", `'\\''`)}'`

/** By the code units of the keys. */
function sorted<T>(record: Readonly<Record<string, T>>): Record<string, T> {
  return Object.fromEntries(Object.entries(record).sort(([a], [b]) => (a < b ? -1 : 1)))
}

const directory = (path: string): SifFile => ({
  path,
  type: 'directory',
  mode: 0o755,
  content: Buffer.alloc(0),
})
const file = (path: string, text: string, mode: number): SifFile => ({
  path,
  type: 'file',
  mode,
  content: Buffer.from(text),
})
const script = (path: string, lines: readonly string[]) =>
  file(path, `#!/bin/sh\n${lines.map((line) => `${line}\n`).join('')}`, 0o755)
