import { mkdir, open, readdir, readFile, rm } from 'node:fs/promises'
import { join } from 'node:path'
import { z } from 'zod'
import { StillroomError, systemCode } from '../../error.ts'
import { tryJson } from '../../formats/json/try-json.ts'
import { writeFileAtomic, writing } from '../../store/disk.ts'
import { livenessOf, OWNER } from '../../store/owner.ts'

/** What is known of a task in the background, beside what it writes. */
const Recorded = z.strictObject({
  recipe: z.string(),
  task: z.string(),
  /** What `--name` said. */
  instance: z.string().nullable(),
  /** The project's. */
  directory: z.string(),
  /** The process that holds it. */
  owner: z.string().regex(OWNER),
  /** When, as ISO 8601. */
  started: z.string(),
  /** Where its published ports are. */
  ports: z.array(z.string()),
  /** Of the task; null as long as it runs. */
  exitCode: z.number().nullable(),
  ended: z.string().nullable(),
})
type Recorded = z.infer<typeof Recorded>

export interface TaskRecord extends Omit<Recorded, 'owner'> {
  /**
   * `running`; `ended` with an exit code; `lost`: its process is gone, and with it the task, without one; `elsewhere`: of
   * another machine or container with the same cache, so it can't be asked.
   */
  state: 'running' | 'ended' | 'lost' | 'elsewhere'
  /** What the task has written, and errors of stillroom's own. */
  log: string
  /** Of the process that holds it, which passes signals on. */
  pid: number
}

/** Which task in the background: there is one of each. */
export interface TaskKey {
  recipe: string
  /** Hash of the project's directory. */
  project: string
  instance: string | undefined
  task: string
}

const rootOf = (cache: string) => join(cache, 'runs')

/** The directory of its files: `state.json` and `log`. */
export function recordDirectory(cache: string, { recipe, project, instance = '', task }: TaskKey): string {
  return join(rootOf(cache), [recipe, project, instance, task].join('.'))
}

/**
 * Takes the place of a task in the background for a process.
 *
 * @throws {StillroomError} CONTAINER_BUSY when it is taken by one that runs; DISK_FULL, NOT_WRITABLE
 */
export async function claimRecord(directory: string, first: Recorded): Promise<void> {
  const path = join(directory, 'state.json')
  await writing(directory, async () => {
    await mkdir(directory, { recursive: true })
    const present = await readRecord(directory)
    if (present?.state === 'running' || present?.state === 'elsewhere') throw running(present)
    await rm(path, { force: true })
    try {
      await using handle = await open(path, 'wx')
      await handle.writeFile(serialize(first))
    } catch (error) {
      if (systemCode(error) === 'EEXIST') throw running(first)
      throw error
    }
  })
}

export async function writeRecord(directory: string, record: Recorded): Promise<void> {
  await writeFileAtomic(join(directory, 'state.json'), serialize(record))
}

const serialize = (record: Recorded) => `${JSON.stringify(record, null, 2)}\n`

function running({ task, recipe, instance }: Pick<Recorded, 'task' | 'recipe' | 'instance'>): StillroomError {
  const which = instance === null ? '' : ` --name ${instance}`
  return new StillroomError(
    'CONTAINER_BUSY',
    `task "${task}" of recipe "${recipe}" runs in the background already`,
    {
      hint: `end it: stillroom stop recipe ${recipe} ${task}${which}; or start a second one in a container of its own: --name other`,
    },
  )
}

async function readRecord(directory: string): Promise<TaskRecord | undefined> {
  const text = await readFile(join(directory, 'state.json'), 'utf8').catch(() => '')
  const parsed = Recorded.safeParse(tryJson(text))
  if (!parsed.success) return undefined
  const { owner, ...record } = parsed.data
  const liveness = livenessOf(owner)
  const state =
    record.exitCode !== null
      ? 'ended'
      : liveness === 'alive'
        ? 'running'
        : liveness === 'gone'
          ? 'lost'
          : 'elsewhere'
  return { ...record, state, log: join(directory, 'log'), pid: Number(owner.split('-')[1]) }
}

/** All of this machine, the latest first. */
export async function readRecords(cache: string): Promise<TaskRecord[]> {
  const names = await readdir(rootOf(cache)).catch(() => [])
  const records = await Promise.all(names.map((name) => readRecord(join(rootOf(cache), name))))
  return records
    .filter((record) => record !== undefined)
    .sort((a, b) => (a.started < b.started ? 1 : a.started > b.started ? -1 : a.task < b.task ? -1 : 1))
}

/** Which of them a command means. */
export function recordsOf(
  records: readonly TaskRecord[],
  wanted: { directory: string; recipe: string; task: string | undefined; instance: string | undefined },
): TaskRecord[] {
  return records.filter(
    ({ directory, recipe, task, instance }) =>
      directory === wanted.directory &&
      recipe === wanted.recipe &&
      (wanted.task === undefined || task === wanted.task) &&
      (wanted.instance === undefined || instance === wanted.instance),
  )
}
