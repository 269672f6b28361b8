import { chmod, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { execa } from 'execa'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { type ClusterSettings, hpcFiles } from './hpc-files.ts'

const SETTINGS: ClusterSettings = {
  recipe: 'flow',
  description: 'Flow past a cylinder',
  sif: { file: 'flow.sif', sha256: '0'.repeat(64) },
  shared: '/home/me/shared',
  tasks: {
    'serve-all': { description: 'Serve | all', waitFor: [] },
    train: { description: '', waitFor: [] },
  },
}

let directory: string
beforeEach(async () => {
  directory = join(await mkdtemp(join(tmpdir(), 'stillroom-hpc-')))
})
afterEach(() => rm(directory, { recursive: true, force: true }))

/** Writes the files, and a program that stands for apptainer: it says what it was called with. */
async function place(settings: ClusterSettings, apptainer = 'printf "<%s>" "$@"; echo'): Promise<void> {
  const program = { name: 'apptainer', executable: true, text: `#!/bin/sh\n${apptainer}\n` }
  for (const { name, executable, text } of [...hpcFiles(settings), program]) {
    await writeFile(join(directory, name), text)
    if (executable) await chmod(join(directory, name), 0o755)
  }
}

const run = (file: string, args: string[] = [], env: Record<string, string> = {}) =>
  execa(join(directory, file), args, {
    cwd: '/',
    env: { PATH: `${directory}:${process.env['PATH']}`, ...env },
  })

describe('hpcFiles()', () => {
  test('a script for each task runs its app, with a home and a shared folder', async () => {
    await place(SETTINGS)
    const { stdout } = await run('train.sh', ['-n', 'a b'], { STILLROOM_OPTIONS: '--nv --bind /data' })
    expect(stdout.replaceAll(directory, 'HERE')).toBe(
      '<run><--nv><--bind></data><--bind><HERE/state/shared:/home/me/shared><--cleanenv>' +
        '<--home><HERE/state/home:/stillroom><--app><train><HERE/flow.sif><-n><a b>',
    )
    expect((await execa('ls', [join(directory, 'state')])).stdout).toBe('home\nshared')
  })

  test('what a launcher tells a process goes into its container, and nothing else of the host', async () => {
    await place(SETTINGS, "env | grep -E '^(APPTAINER|SINGULARITY)ENV_' | sort")
    const told = {
      PMI_RANK: '1',
      UCX_TLS: 'tcp',
      PMIX_NAMESPACE: 'a "b" $c',
      PMI: 'x',
      LD_PRELOAD_PMI_: 'y',
      XPMI_RANK: 'z',
    }
    const { stdout } = await run('train.sh', [], told)
    expect(stdout).toBe(
      'APPTAINERENV_PMIX_NAMESPACE=a "b" $c\nAPPTAINERENV_PMI_RANK=1\nAPPTAINERENV_UCX_TLS=tcp',
    )
  })

  test('run alone runs what the image runs', async () => {
    await place({ ...SETTINGS, shared: undefined })
    const { stdout } = await run('run', [], { STILLROOM_STATE: join(directory, 'else where') })
    expect(stdout.replaceAll(directory, 'HERE')).toBe(
      '<run><--cleanenv><--home><HERE/else where/home:/stillroom><HERE/flow.sif>',
    )
    expect((await run('run', ['--', 'sh', '-c'])).stdout).toMatch(/<[^<]*\/flow.sif><sh><-c>$/)
  })

  test('says that neither program is there', async () => {
    await place(SETTINGS)
    await rm(join(directory, 'apptainer'))
    const env = { PATH: '/usr/bin:/bin' }
    await expect(run('run', [], env)).rejects.toMatchObject({ exitCode: 127 })
  })

  test('the job runs all but the last in the background, and ends them with it', async () => {
    const apptainer = `case "$*" in *serve-all*) echo serving "$@"; exec sleep 60 ;; esac; sleep 1; echo "$@"`
    await place(SETTINGS, apptainer)
    const env = { SLURM_SUBMIT_DIR: directory, SERVE_ALL_ARGUMENTS: '-n 2', TRAIN_ARGUMENTS: '--episodes 3' }
    const started = Date.now()
    const { stdout } = await run('job.slurm', [], env)
    expect(Date.now() - started).toBeLessThan(30_000)
    expect(stdout).toMatch(/^serving .* -n 2$/m)
    expect(stdout).toMatch(/ train .*flow\.sif --episodes 3$/m)
  })

  test.each([
    ['mpich', 'pmi2'],
    ['openmpi', 'pmix'],
  ] as const)('a job of a recipe with %s starts its processes by %s', async (mpi, spoken) => {
    await place({ ...SETTINGS, mpi })
    // each process of a job runs the same words
    const srun = '#!/bin/sh\nprintf "<%s>" "$1"; shift; for rank in 0 1; do "$@"; done\n'
    await writeFile(join(directory, 'srun'), srun, { mode: 0o755 })
    const env = { SLURM_SUBMIT_DIR: directory }
    const { stdout } = await run('mpi.slurm', ['train', '-n', 'a b'], env)
    expect(stdout).toContain(`<--mpi=${spoken}>`)
    expect(stdout.match(/<--app><train><[^<]*\/flow\.sif><-n><a b>/g)).toHaveLength(2)
    expect((await run('mpi.slurm', ['--', 'sh'], { ...env, STILLROOM_MPI: 'pmi1' })).stdout).toContain(
      '<--mpi=pmi1>',
    )
    await expect(run('mpi.slurm', [], env)).rejects.toMatchObject({ exitCode: 2 })
    expect(hpcFiles(SETTINGS).map(({ name }) => name)).not.toContain('mpi.slurm')
  })

  test('the job waits for what a task waits for', async () => {
    const waitFor = [{ host: '127.0.0.1', port: 1, timeout: 1 }]
    await place({ ...SETTINGS, tasks: { train: { description: '', waitFor } } })
    const failed = await run('job.slurm', [], { SLURM_SUBMIT_DIR: directory }).catch((error) => error)
    expect(failed.stderr).toContain('nothing listens on 127.0.0.1:1 after 1 seconds')
    expect(failed.exitCode).toBe(1)
  })

  test('SHA256SUMS and the README name the SIF', async () => {
    await place(SETTINGS)
    expect(await readFile(join(directory, 'SHA256SUMS'), 'utf8')).toBe(`${'0'.repeat(64)}  flow.sif\n`)
    expect(await readFile(join(directory, 'README.md'), 'utf8')).toContain('| `serve-all` | Serve \\| all |')
  })
})
