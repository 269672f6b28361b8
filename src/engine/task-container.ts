import { setTimeout } from 'node:timers/promises'
import type Docker from 'dockerode'
import { StillroomError } from '../error.ts'
import { formatAddress, formatPublished, type PublishedPort } from '../recipe/published-port.ts'
import type { Engine } from './connect.ts'
import { engineError, unlessStatus } from './engine-error.ts'
import { Lease, type MovedUser } from './lease.ts'
import { DIRECTORY, SUPERVISOR } from './lease-scripts.ts'

/** Labels of a task container. */
export const TASK_LABELS = {
  recipe: 'stillroom.recipe',
  /** Hash of the project directory's path. */
  project: 'stillroom.project',
  /** ID of its image. */
  image: 'stillroom.image',
  network: 'stillroom.network',
  /** Directory of the host that is mounted as the shared folder; empty when there is none. */
  shared: 'stillroom.shared',
  /** What tells containers of one recipe and project apart; empty for the one that tasks share by default. */
  instance: 'stillroom.instance',
  /** Published ports, separated by spaces. */
  ports: 'stillroom.ports',
  /** Mounts as JSON: an array of texts. */
  mounts: 'stillroom.mounts',
  gpus: 'stillroom.gpus',
} as const

/** A file or directory of the engine's machine, and where the container has it. */
export interface Mount {
  source: string
  target: string
  readOnly: boolean
}

/** `all`, a number of them, or `device=` and what the engine calls them, separated by commas. */
export type Gpus = string

/** What is decided when a container is made; who joins it takes what is there. */
export interface ContainerSettings {
  /** `none`, `bridge`, `host` or a network of the engine. */
  network: string
  /** A directory of the host, and where the container has it. */
  shared?: { source: string; target: string } | undefined
}

export interface TaskContainer {
  recipe: string
  project: string
  /** Of several containers of the recipe and project: which. */
  instance?: string | undefined
  image: {
    id: string
    /** What the engine calls it. */
    reference: string
  }
  /** What whoever joins insists on. */
  wanted: {
    network?: string | undefined
    shared?: string | undefined
    /** Each of these; it may have more. */
    ports: PublishedPort[]
    mounts: Mount[]
    gpus?: Gpus | undefined
  }
  /** Called just before a container is made. */
  settings: () => Promise<ContainerSettings>
  /** Which account is to work under another uid, for the sake of the shared folder that the container has. */
  account: (shared: string) => Promise<MovedUser | undefined>
  signal: AbortSignal
}

export interface Joined {
  container: Docker.Container
  lease: Lease
  /** As which tasks work; as the image's user when there is none. */
  moved: MovedUser | undefined
  /** Where the ports are that were asked for: `127.0.0.1:8080 -> 80/tcp`. */
  published: string[]
}

/** How long to go on when a container is neither there nor can be made: another run is making or removing it. */
const PATIENCE_MS = 60_000

/**
 * Takes a lease in the container of a recipe and project, making the container when there is none. It is the same
 * for all who ask, at the same moment or later, and ends when the last of them leaves.
 *
 * @throws {StillroomError} CONTAINER_BUSY when the one that runs is of another image or set up in another way;
 *   IMAGE_MISSING, CONTAINER_FAILED, ENGINE_LOST
 */
export async function joinContainer(engine: Engine, wanted: TaskContainer): Promise<Joined> {
  try {
    const deadline = Date.now() + PATIENCE_MS
    while (Date.now() < deadline) {
      wanted.signal.throwIfAborted()
      const container = (await findContainer(engine, wanted)) ?? (await makeContainer(engine, wanted))
      const joined = container && (await enter(container, wanted))
      if (joined) return joined
      await setTimeout(50)
    }
  } catch (error) {
    if (wanted.signal.aborted) throw wanted.signal.reason
    throw engineError(`starting the container of recipe "${wanted.recipe}"`, error)
  }
  const name = containerName(wanted)
  throw new StillroomError('CONTAINER_FAILED', `container ${name} neither starts nor goes away`, {
    hint: `remove it: docker rm --force ${name}`,
  })
}

/** Leaves a container; when nobody is left in it, waits until it is gone. */
export async function leaveContainer({ container, lease }: Joined): Promise<void> {
  if (await lease.leave()) await untilRemoved(container)
}

/** `stillroom-NAME-PROJECT`: one container a recipe and project directory; `-INSTANCE` follows for another. */
export function containerName({
  recipe,
  project,
  instance,
}: Pick<TaskContainer, 'recipe' | 'project' | 'instance'>): string {
  return `stillroom-${recipe}-${project}${instance === undefined ? '' : `-${instance}`}`
}

/** The present container when it can be joined; one that can't and that nobody uses is removed. */
async function findContainer(
  { docker }: Engine,
  wanted: TaskContainer,
): Promise<Docker.Container | undefined> {
  const container = docker.getContainer(containerName(wanted))
  const present = await container.inspect().catch(unlessStatus(404))
  if (!present) return undefined
  const { Labels: labels } = present.Config
  const isOurs =
    labels[TASK_LABELS.recipe] === wanted.recipe &&
    labels[TASK_LABELS.project] === wanted.project &&
    (labels[TASK_LABELS.instance] ?? '') === (wanted.instance ?? '')
  if (!isOurs) {
    throw new StillroomError(
      'CONTAINER_FAILED',
      `the name ${containerName(wanted)} is taken by a container of somebody else`,
      {
        hint: `rename or remove it: docker rm ${containerName(wanted)}`,
      },
    )
  }
  const byID = docker.getContainer(present.Id)
  const { Status } = present.State
  if (Status === 'removing') {
    await untilRemoved(byID)
    return undefined
  }
  const reason = misfit(labels, wanted)
  if (!reason && (Status === 'running' || Status === 'created')) return byID
  if (Status === 'running' && !(await isEmpty(byID))) throw busy(wanted, reason as string)
  await byID.remove({ force: true, v: true }).catch(unlessStatus(404, 409))
  await untilRemoved(byID)
  return undefined
}

/** Why a container is not the one that is wanted. */
function misfit(labels: Record<string, string>, { image, wanted }: TaskContainer): string | undefined {
  const expect = (what: string, expected: string | undefined, actual = '') =>
    expected === undefined || expected === actual
      ? undefined
      : `${what}: expected ${expected || 'none'}, actual ${actual || 'none'}`
  const among = (what: string, expected: string[], actual: string[]) =>
    expected
      .filter((one) => !actual.includes(one))
      .map((one) => `${what}: expected ${one}, actual ${actual.join(' ') || 'none'}`)[0]
  return (
    expect('image', image.id, labels[TASK_LABELS.image]) ??
    expect('network', wanted.network, labels[TASK_LABELS.network]) ??
    expect('shared folder', wanted.shared, labels[TASK_LABELS.shared]) ??
    among(
      'published port',
      wanted.ports.map(formatPublished),
      (labels[TASK_LABELS.ports] ?? '').split(' '),
    ) ??
    among('mount', wanted.mounts.map(formatMount), JSON.parse(labels[TASK_LABELS.mounts] ?? '[]')) ??
    expect('GPUs', wanted.gpus, labels[TASK_LABELS.gpus])
  )
}

/** Whether nobody has a lease; then nobody will get one. */
async function isEmpty(container: Docker.Container): Promise<boolean> {
  const lease = await Lease.take(container)
  return lease === undefined || (await lease.leave())
}

async function makeContainer(
  { docker }: Engine,
  wanted: TaskContainer,
): Promise<Docker.Container | undefined> {
  const { recipe, project, instance, image } = wanted
  const { ports, mounts, gpus } = wanted.wanted
  const { network, shared } = await wanted.settings()
  wanted.signal.throwIfAborted()
  const hostname = recipe.slice(0, 63).replace(/-$/, '')
  return (
    docker
      .createContainer({
        name: containerName(wanted),
        Image: image.reference,
        ...(network === 'host' ? {} : { Hostname: hostname }),
        User: '0:0',
        WorkingDir: '/',
        Entrypoint: ['/bin/sh', '-c', SUPERVISOR],
        Cmd: [],
        Labels: {
          [TASK_LABELS.recipe]: recipe,
          [TASK_LABELS.project]: project,
          [TASK_LABELS.image]: image.id,
          [TASK_LABELS.network]: network,
          [TASK_LABELS.shared]: shared?.source ?? '',
          [TASK_LABELS.instance]: instance ?? '',
          [TASK_LABELS.ports]: ports.map(formatPublished).join(' '),
          [TASK_LABELS.mounts]: JSON.stringify(mounts.map(formatMount)),
          [TASK_LABELS.gpus]: gpus ?? '',
        },
        ExposedPorts: Object.fromEntries(ports.map((port) => [inside(port), {}])),
        HostConfig: {
          AutoRemove: true,
          Init: true,
          NetworkMode: network,
          // Without a network, nothing else tells programs their own host's address
          ...(network === 'none' ? { ExtraHosts: [`${hostname}:127.0.0.1`] } : {}),
          Tmpfs: { [DIRECTORY]: 'mode=1777,size=1m' },
          PortBindings: bindings(ports),
          Mounts: [...(shared ? [{ ...shared, readOnly: false }] : []), ...mounts].map(
            ({ source, target, readOnly }) => ({
              Type: 'bind',
              Source: source,
              Target: target,
              ReadOnly: readOnly,
            }),
          ),
          ...(gpus === undefined ? {} : { DeviceRequests: [deviceRequest(gpus)] }),
        },
      })
      // Somebody else was faster
      .catch(unlessStatus(409))
  )
}

async function enter(container: Docker.Container, wanted: TaskContainer): Promise<Joined | undefined> {
  const present = await container.inspect().catch(unlessStatus(404))
  if (!present) return undefined
  if (present.State.Status === 'created') await start(container, wanted)
  const shared = present.Config.Labels[TASK_LABELS.shared]
  const moved = shared ? await wanted.account(shared) : undefined
  // 404: gone, 409: not running any more
  const lease = await Lease.take(container, moved).catch(unlessStatus(404, 409))
  if (lease) return { container, lease, moved, published: await publishedAt(container, wanted.wanted.ports) }
  await untilRemoved(container)
  return undefined
}

/** Starting what runs already does nothing; what can't start is of no use to anybody. */
async function start(container: Docker.Container, wanted: TaskContainer): Promise<void> {
  try {
    await container.start()
  } catch (error) {
    const { statusCode: status, message } = error as Error & { statusCode?: number }
    if (status === 304 || status === 409) return
    // somebody else has removed it, in the engine's own words (dockerode calls every 404 "no such container"); its network may be
    // what is not found, too, and then the engine removes the container
    if (status === 404 && message.includes('No such container')) return
    await container.remove({ force: true, v: true }).catch(() => {})
    throw startError(error, wanted)
  }
}

async function untilRemoved(container: Docker.Container): Promise<void> {
  await container.wait({ condition: 'removed' }).catch(unlessStatus(404))
}

/** What the engine says when a port is taken, or when it has no GPU to give. */
function startError(error: unknown, { recipe, wanted }: TaskContainer): unknown {
  const said = error instanceof Error ? error.message : ''
  if (/port is already allocated|address already in use/i.test(said)) {
    const places = wanted.ports.map(({ address, host }) => formatAddress(address, host))
    const named = places.filter((place) => said.replaceAll(/[[\]]/g, '').match(placePattern(place)))
    const taken = (named.length > 0 ? named : places).join(', ')
    return new StillroomError(
      'PORT_TAKEN',
      `the container of recipe "${recipe}" cannot be started: port ${taken} is taken by another program`,
      {
        hint: `end that program, or take another port of the machine: -p ${freePort(wanted.ports, taken)}`,
        details: { ports: named.length > 0 ? named : places },
        cause: error,
      },
    )
  }
  if (wanted.gpus !== undefined && /device driver|gpu|nvidia|cdi/i.test(said)) {
    return new StillroomError(
      'CONTAINER_FAILED',
      `the Docker Engine has no GPU to give to the container of recipe "${recipe}": ${said}`,
      {
        hint: "install the GPU's driver and NVIDIA Container Toolkit where the engine runs, or run without --gpus",
        cause: error,
      },
    )
  }
  return error
}

/** A place as a whole, whatever stands around it. */
const placePattern = (place: string) =>
  new RegExp(`(?<![\\d.:])${place.replaceAll(/[[\]]/g, '').replaceAll('.', '\\.')}(?!\\d)`)

/** How to ask for any free port instead of one that is taken. */
function freePort(ports: readonly PublishedPort[], taken: string): string {
  const port = ports.find(({ address, host }) => formatAddress(address, host) === taken) ?? ports[0]
  return port === undefined ? '0:PORT' : `0:${port.container}${port.protocol === 'udp' ? '/udp' : ''}`
}

const inside = ({ container, protocol }: PublishedPort) => `${container}/${protocol}`
const formatMount = ({ source, target, readOnly }: Mount) => `${source}:${target}${readOnly ? ':ro' : ''}`

function bindings(ports: readonly PublishedPort[]): Record<string, { HostIp: string; HostPort: string }[]> {
  const found: Record<string, { HostIp: string; HostPort: string }[]> = {}
  for (const port of ports) {
    found[inside(port)] ??= []
    found[inside(port)]?.push({ HostIp: port.address, HostPort: String(port.host) })
  }
  return found
}

/** As the docker command asks for them: the engine chooses the driver that can give them. */
function deviceRequest(gpus: Gpus): Docker.DeviceRequest {
  const devices = /^device=(.*)$/.exec(gpus)?.[1]?.split(',')
  return {
    Driver: '',
    Count: devices ? 0 : gpus === 'all' ? -1 : Number(gpus),
    ...(devices ? { DeviceIDs: devices } : {}),
    Capabilities: [['gpu']],
  }
}

/** Where published ports are: the engine chooses those that were left to it. */
async function publishedAt(container: Docker.Container, ports: readonly PublishedPort[]): Promise<string[]> {
  if (ports.length === 0) return []
  const { NetworkSettings } = await container.inspect()
  return [...new Set(ports.map(inside))].flatMap((port) =>
    (NetworkSettings.Ports[port] ?? []).map(
      ({ HostIp, HostPort }) => `${formatAddress(HostIp, Number(HostPort))} -> ${port}`,
    ),
  )
}

function busy(wanted: TaskContainer, reason: string): StillroomError {
  const { recipe } = wanted
  const name = containerName(wanted)
  return new StillroomError(
    'CONTAINER_BUSY',
    `tasks of recipe "${recipe}" are running in container ${name}, which is not as asked for: ${reason}`,
    {
      hint: 'end them first, run without the differing option, or in a container of its own: --name other',
      details: { container: name },
    },
  )
}
