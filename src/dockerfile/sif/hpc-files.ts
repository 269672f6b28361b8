import type { Recipe, Task } from '../../recipe/schema.ts'
import { shellWord } from './sif-files.ts'

/** What of a recipe is carried to a cluster beside its SIF. */
export interface ClusterSettings {
  recipe: string
  /** One line about it. */
  description: string
  /** The SIF's file name and sum. */
  sif: { file: string; sha256: string }
  /** The folder of the image that tasks share with the cluster's disks. */
  shared?: string | undefined
  mpi?: Recipe['mpi']
  /** In the order of the recipe. */
  tasks: Readonly<Record<string, Pick<Task, 'description' | 'waitFor'>>>
}

/** A file of the directory that goes to a cluster. */
export interface ClusterFile {
  name: string
  executable: boolean
  text: string
}

/**
 * Scripts that run a recipe's tasks by Apptainer or Singularity alone, a SLURM job that runs them together, and what to type.
 * They lie beside the SIF.
 */
export function hpcFiles(settings: ClusterSettings): ClusterFile[] {
  const { recipe, sif, tasks } = settings
  const script = (name: string, lines: readonly string[]) => ({
    name,
    executable: true,
    text: lines.map((line) => `${line}\n`).join(''),
  })
  return [
    script('run', runScript(settings)),
    ...Object.entries(tasks).map(([task, { description }]) =>
      script(`${task}.sh`, [
        '#!/bin/sh',
        `# Task ${task} of recipe ${recipe}${description === '' ? '' : `: ${description}`}`,
        `exec "$(CDPATH='' cd -- "$(dirname -- "$0")" && pwd -P)/run" ${task} "$@"`,
      ]),
    ),
    script('job.slurm', slurmJob(settings)),
    ...(settings.mpi === undefined ? [] : [script('mpi.slurm', mpiJob(recipe, settings.mpi))]),
    { name: 'README.md', executable: false, text: readme(settings) },
    { name: 'SHA256SUMS', executable: false, text: `${sif.sha256}  ${sif.file}\n` },
  ]
}

function runScript({ recipe, sif, shared }: ClusterSettings): string[] {
  return [
    '#!/bin/sh',
    `# run [TASK [ARGUMENT...]]: a task of recipe ${recipe} in its container; without one, or with --, what the image runs`,
    'set -eu',
    `here=$(CDPATH='' cd -- "$(dirname -- "$0")" && pwd -P)`,
    '# what tasks write: put it on a disk that all nodes of the job see',
    'state=${STILLROOM_STATE:-$here/state}',
    '# more options of apptainer, such as --nv',
    'options=${STILLROOM_OPTIONS:-}',
    'for program in apptainer singularity none; do',
    '  if command -v "$program" >/dev/null 2>&1; then break; fi',
    'done',
    'if [ "$program" = none ]; then',
    '  echo "run: there is neither apptainer nor singularity here; try: module load apptainer" >&2',
    '  exit 127',
    'fi',
    `mkdir -p -- "$state/home"${shared === undefined ? '' : ' "$state/shared"'}`,
    'task=${1-}',
    'if [ $# -gt 0 ]; then shift; fi',
    `set -- "$here/"${shellWord(sif.file)} "$@"`,
    'if [ "$task" = -- ]; then task=; fi',
    'if [ -n "$task" ]; then set -- --app "$task" "$@"; fi',
    "# a home of its own: programs keep compiled code there, and the user's own settings and packages stay out",
    'set -- --cleanenv --home "$state/home:/stillroom" "$@"',
    '# what a launcher tells the processes that it starts: how they find each other, and by what they speak',
    'case $program in apptainer) prefix=APPTAINERENV ;; *) prefix=SINGULARITYENV ;; esac',
    `for name in $(env | sed -nE 's/^((PMIX?|UCX)_[A-Za-z0-9_]+)=.*/\\1/p'); do`,
    '  eval "value=\\$$name"',
    '  export "${prefix}_$name=$value"',
    'done',
    ...(shared === undefined ? [] : [`set -- --bind "$state/shared:"${shellWord(shared)} "$@"`]),
    '# shellcheck disable=SC2086',
    'exec "$program" run $options "$@"',
  ]
}

/** All tasks but the last in the background, as servers are; the job ends with the last. */
function slurmJob({ recipe, tasks }: ClusterSettings): string[] {
  const names = Object.keys(tasks)
  const last = names.at(-1)
  const variable = (name: string) => `${name.toUpperCase().replaceAll('-', '_')}_ARGUMENTS`
  const waits = (name: string) =>
    (tasks[name]?.waitFor ?? []).map(
      ({ host, port, timeout }) => `await_port ${host} ${port} ${Math.ceil(timeout)}`,
    )
  const call = (name: string) => `./${name}.sh $${variable(name)}`
  const hasWaits = names.some((name) => waits(name).length > 0)
  return [
    '#!/bin/bash',
    `#SBATCH --job-name=${recipe}`,
    '#SBATCH --nodes=1',
    '#SBATCH --ntasks=1',
    '#SBATCH --cpus-per-task=4',
    '#SBATCH --time=01:00:00',
    `# Tasks of recipe ${recipe} together on one node: sbatch job.slurm, from this directory`,
    '# shellcheck disable=SC2086',
    'set -eu',
    `cd -- "\${SLURM_SUBMIT_DIR:-$(dirname -- "$0")}"`,
    ...(names.length === 0 ? [] : ['', '# what each task is given, split at white space']),
    ...names.map((name) => `: "\${${variable(name)}:=}"`),
    '',
    ...(hasWaits ? AWAIT_PORT : []),
    `trap 'kill $(jobs -p) 2>/dev/null || true; wait' EXIT`,
    ...names.slice(0, -1).flatMap((name) => [...waits(name), `${call(name)} &`]),
    ...(last === undefined ? ['./run'] : [...waits(last), call(last)]),
  ]
}

/** How SLURM's `srun` speaks with processes of each library. */
const INTERFACE = { mpich: 'pmi2', openmpi: 'pmix' }
const LIBRARY = { mpich: 'MPICH', openmpi: 'Open MPI' }

function mpiJob(recipe: string, mpi: NonNullable<Recipe['mpi']>): string[] {
  return [
    '#!/bin/bash',
    `#SBATCH --job-name=${recipe}-mpi`,
    '#SBATCH --nodes=1',
    '#SBATCH --ntasks-per-node=4',
    '#SBATCH --time=01:00:00',
    `# A task of recipe ${recipe} in as many processes as the job has, by ${LIBRARY[mpi]}: sbatch mpi.slurm TASK [ARGUMENT...]`,
    'set -eu',
    `cd -- "\${SLURM_SUBMIT_DIR:-$(dirname -- "$0")}"`,
    'if [ $# -eq 0 ]; then',
    '  echo "usage: sbatch mpi.slurm TASK [ARGUMENT...], or -- PROGRAM [ARGUMENT...]" >&2',
    '  exit 2',
    'fi',
    '# each process has a container of its own, and sees no files of the others in /proc, by which UCX shares memory',
    'export UCX_POSIX_USE_PROC_LINK="${UCX_POSIX_USE_PROC_LINK:-n}"',
    `exec srun --mpi="\${STILLROOM_MPI:-${INTERFACE[mpi]}}" ./run "$@"`,
  ]
}

const AWAIT_PORT = [
  'await_port() {',
  '  for ((second = 0; second < $3; second++)); do',
  '    if (exec 3<>"/dev/tcp/$1/$2") 2>/dev/null; then return; fi',
  '    sleep 1',
  '  done',
  '  echo "job.slurm: nothing listens on $1:$2 after $3 seconds" >&2',
  '  return 1',
  '}',
]

function readme({ recipe, description, sif, shared, mpi, tasks }: ClusterSettings): string {
  const names = Object.keys(tasks)
  return `${[
    `# ${recipe}`,
    '',
    ...(description === '' ? [] : [`${description}.`, '']),
    'This directory has a container image and what runs it, by [Apptainer](https://apptainer.org) 1 or Singularity 3. Copy all of it',
    'to a disk that the nodes of your jobs see.',
    '',
    '```sh',
    'sha256sum --check SHA256SUMS',
    './run                       # what the image runs by itself',
    './run -- bash               # another program in it',
    ...names.map((name) => `./${name}.sh ...`),
    'sbatch job.slurm',
    ...(mpi === undefined ? [] : ['sbatch mpi.slurm TASK ...   # in many processes']),
    '```',
    '',
    ...(names.length === 0
      ? []
      : [
          '| task | what it does |',
          '| --- | --- |',
          ...names.map((name) => `| \`${name}\` | ${cell(tasks[name]?.description ?? '')} |`),
          '',
        ]),
    '`job.slurm` starts these in order, all but the last in the background, and ends with the last. Edit the arguments in it, or give them:',
    '`sbatch --export=ALL,TASK_ARGUMENTS="-n 2" job.slurm`, with the name of the task in capitals.',
    '',
    ...(mpi === undefined ? [] : mpiLines(mpi)),
    '| variable | what |',
    '| --- | --- |',
    '| `STILLROOM_STATE` | where tasks write: `home` (compiled code, caches) and `shared`; `state` in this directory when not set |',
    '| `STILLROOM_OPTIONS` | more options of `apptainer run`, such as `--nv` for graphics cards, or `--bind /data` |',
    '',
    `The image itself is read-only${shared === undefined ? '' : `; \`${shared}\` in it is \`shared\` below \`STILLROOM_STATE\``}. The environment is the image's alone. Ports are the node's.`,
    '',
    `The sha256 of ${sif.file} is ${sif.sha256}.`,
  ].join('\n')}\n`
}

function mpiLines(mpi: NonNullable<Recipe['mpi']>): string[] {
  return [
    `\`mpi.slurm\` runs a task in as many processes as the job has: \`sbatch --nodes=2 mpi.slurm TASK\`. The library in the image is ${LIBRARY[mpi]};`,
    `\`srun --mpi=list\` says whether this cluster's SLURM knows \`${INTERFACE[mpi]}\`, and \`STILLROOM_MPI\` names another interface. On one node, without`,
    'SLURM: `./run -- mpirun -n 4 PROGRAM`.',
    '',
  ]
}

const cell = (text: string) => text.replaceAll('|', '\\|')
