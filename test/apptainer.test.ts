import { readFile, rm, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { execa } from 'execa'
import { describe, expect, test } from 'vitest'
import type { AuditReport } from '../src/audit/audit-report.ts'
import { apptainer } from './support/apptainer.ts'
import { NIGHTLY } from './support/nightly.ts'
import { commitAll, copyProject } from './support/project.ts'
import { stillroom, stillroomJson } from './support/stillroom.ts'

/** Digests of all files but those that an engine puts in the place of the image's. */
const SUMS = `find . -xdev -type f ! -path './etc/host*' ! -path ./etc/resolv.conf ! -path ./.dockerenv -exec sha256sum {} +`

const cluster = NIGHTLY ? await apptainer() : 'it is left to the nightly tests'
if (typeof cluster === 'string') console.warn(`skipped: SIFs in Apptainer, since ${cluster}`)

async function exported(
  name: string,
  { mpi }: { mpi?: string } = {},
): Promise<{ directory: string; hpc: string }> {
  const directory = await copyProject(name)
  if (mpi !== undefined) {
    const path = join(directory, 'recipes', name, 'recipe.ts')
    const text = await readFile(path, 'utf8')
    await writeFile(path, text.replace('defineRecipe({', `defineRecipe({ mpi: '${mpi}',`))
  }
  await commitAll(directory)
  await stillroomJson(directory, ['build', 'recipe', name, '--no-audit'])
  await stillroomJson(directory, ['export', 'recipe', name, '--hpc', 'hpc', '--definition', 'hpc/it.def'])
  return { directory, hpc: join(directory, 'hpc') }
}

describe.skipIf(typeof cluster === 'string')('a SIF in Apptainer, for somebody who is not root', () => {
  const run = (directory: string, command: string, options: { slurm?: boolean } = {}) => {
    if (typeof cluster === 'string') throw new Error(cluster)
    return cluster.run(directory, command, options)
  }
  /** What a job of SLURM prints that is submitted and waited for. */
  const submit = (directory: string, words: string) =>
    run(directory, `sbatch --wait --output=job.out ${words} || { cat job.out; exit 1; }; cat job.out`, {
      slurm: true,
    })

  test('runs what the image runs, its tasks, and the job', async () => {
    const { hpc } = await exported('hello')
    expect(await run(hpc, 'sha256sum --check SHA256SUMS')).toBe('hello.sif: OK')
    expect(await run(hpc, './run')).toContain('The same bytes, years later')
    expect(await run(hpc, './say.sh "a task"')).toContain('| a task |')
    expect(await run(hpc, 'SAY_ARGUMENTS=job bash job.slurm')).toContain('| job |')
    expect(await submit(hpc, '--export=ALL,SAY_ARGUMENTS=submitted job.slurm')).toContain('| submitted |')
    const environment = await run(hpc, `LEAK=1 ./run -- sh -c 'echo "$HOME $LEAK $PYTHONNOUSERSITE"'`)
    expect(environment).toBe('/stillroom  1')
    const given = await run(
      hpc,
      `APPTAINERENV_A=1 apptainer --quiet exec --env B=2 hello.sif sh -c 'echo "$A $B"'`,
    )
    expect(given).toBe('1 2')
  })

  test('has the objects that siftool finds in it, and the files that unsquashfs does', async () => {
    const { hpc } = await exported('hello')
    const listed = await run(hpc, 'apptainer sif list hello.sif')
    const rows = listed.split('\n').filter((line) => /^\d+ +\|/.test(line))
    expect(rows.map((row) => row.split('|').at(-1)?.trim())).toEqual([
      'Def.FILE',
      'JSON.Generic',
      'FS (Squashfs/*System/amd64)',
    ])
    const lock = JSON.parse(await run(hpc, 'apptainer sif dump 2 hello.sif'))
    expect(lock).toMatchObject({ recipe: 'hello' })
    await run(
      hpc,
      'apptainer sif dump 3 hello.sif > root.squashfs && unsquashfs -quiet -no-progress -no-xattrs -dest unpacked root.squashfs',
    )
    const unpacked = new Set((await run(hpc, `cd unpacked && ${SUMS}`)).split('\n'))
    for (const path of ['.singularity.d/runscript', 'scif/apps/say/scif/runscript'])
      expect([...unpacked].some((line) => line.endsWith(`  ./${path}`))).toBe(true)
    const image = await execa('docker', [
      'run',
      '--rm',
      '--user=0',
      '--entrypoint=sh',
      'stillroom/hello',
      '-c',
      `cd / && ${SUMS}`,
    ])
    const files = image.stdout.split('\n')
    expect(files.length).toBeGreaterThan(1000)
    expect(files.filter((line) => !unpacked.has(line))).toEqual([])
  })

  test('is built by the definition, too; an audit says what root without root changes', async () => {
    const { directory, hpc } = await exported('hello')
    await stillroomJson(directory, ['save', 'recipe', 'hello', 'hpc/hello.tar'])
    await run(hpc, 'mkdir hello && tar -C hello -xf hello.tar && apptainer --quiet build built.sif it.def')
    expect(await run(hpc, 'apptainer --quiet run --app say built.sif built')).toContain('| built |')
    const audited = ['audit', 'image', 'hpc/built.sif', '--lock', 'recipes/hello/lock.json', '--json']
    const { exitCode, stdout } = await stillroom(directory, audited)
    expect(exitCode).toBe(1)
    const { findings } = JSON.parse(stdout) as AuditReport
    const others = findings.filter(
      ({ subject, severity }) => severity === 'error' && !/^\/(\.singularity\.d|scif)\b/.test(subject),
    )
    expect(new Set(others.map(({ rule }) => rule))).toEqual(new Set(['file-mode', 'setuid']))
  })

  test('a job of many processes tells each who it is', async () => {
    const { hpc } = await exported('hello', { mpi: 'mpich' })
    const printed = await submit(hpc, `--ntasks=3 mpi.slurm -- sh -c 'echo "$PMI_RANK of $PMI_SIZE"'`)
    expect(printed.split('\n').sort()).toEqual(expect.arrayContaining(['0 of 3', '1 of 3', '2 of 3']))
  })

  test('trains against servers by the scripts alone', { timeout: 1_800_000 }, async () => {
    const { hpc } = await exported('fenics-tf')
    const words = { SERVERS_ARGUMENTS: '-n 2 -p 43643', TRAINING_ARGUMENTS: '-n 2 -p 43643 --episodes 2' }
    const given = Object.entries(words).map(([name, value]) => `export ${name}="${value}"; `)
    const episodes = join(hpc, 'state/shared/episodes.csv')
    await run(hpc, `${given.join('')}bash job.slurm`)
    expect(await readFile(episodes, 'utf8')).toMatch(/\d/)
    await rm(episodes)
    await run(hpc, `${given.join('')}sbatch --wait job.slurm || { cat slurm-*.out; exit 1; }`, {
      slurm: true,
    })
    expect(await readFile(episodes, 'utf8')).toMatch(/\d/)
    const sum = 'from mpi4py import MPI; print(MPI.COMM_WORLD.allreduce(1))'
    const both = await run(hpc, `./run -- mpirun --oversubscribe -n 2 python3 -c '${sum}'`)
    expect(both.split('\n').filter((line) => line === '2')).toHaveLength(2)
    const submitted = await submit(hpc, `--ntasks=2 --wrap "./run -- mpirun -n 2 python3 -c '${sum}'"`)
    expect(submitted.split('\n').filter((line) => line === '2')).toHaveLength(2)
  })
})
