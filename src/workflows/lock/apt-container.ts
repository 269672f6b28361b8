import { hash } from 'node:crypto'
import { open } from 'node:fs/promises'
import pMap from 'p-map'
import { contextArtifacts } from '../../dockerfile/context-artifacts.ts'
import type { KeptContainer } from '../../engine/container.ts'
import { readDebControl } from '../../formats/deb/deb-control.ts'
import { readFileAt } from '../../formats/read-at.ts'
import type { DebianPackage, LockedPlatform } from '../../lock/schema.ts'
import { parseAptRequest } from '../../recipe/apt-request.ts'
import type { Step } from '../../recipe/schema.ts'
import { bringsApt, mayChangeApt } from '../../resolve/apt/apt-inputs.ts'
import { type AptState, composeState, type InstalledPackages } from '../../resolve/apt/compose-state.ts'
import type { Sandbox } from '../../resolve/sandbox.ts'
import { contentsFiles } from '../audit/artifact-contents.ts'
import { fetchInputs } from '../build/fetch-inputs.ts'
import type { Cache, Fetching } from '../ports.ts'

const STATUS = '/var/lib/dpkg/status'
const MARKS = '/var/lib/apt/extended_states'

/** What counts of a .deb for the steps after it. */
interface Control {
  /** Its `control` file. */
  control: string
  /** Whether it may change how apt plans. */
  bringsApt: boolean
}

/** A container of an image, and how many steps of the recipe are in it. */
interface Opened {
  steps: number
  container: KeptContainer
  state: AptState
}

/**
 * apt as it is before each step of a recipe, in one container for all of them: what the steps before install is written into
 * dpkg's list, as it would be, instead of being installed. Where one may have changed anything else that apt plans by, the image
 * up to that step is built, and its container is the one from then on.
 */
export class AptContainer implements AsyncDisposable {
  readonly #ports: Fetching & Cache
  readonly #steps: readonly Step[]
  readonly #openImage: (before: LockedPlatform) => Promise<KeptContainer>
  /** By the sha256 of each .deb. */
  readonly #controls = new Map<string, Control>()
  #opened: Opened | undefined

  /**
   * @param steps of the recipe
   * @param openImage builds the image of these steps, and starts a container of it without network
   */
  constructor(
    ports: Fetching & Cache,
    steps: readonly Step[],
    openImage: (before: LockedPlatform) => Promise<KeptContainer>,
  ) {
    this.#ports = ports
    this.#steps = steps
    this.#openImage = openImage
  }

  /**
   * Runs `use` with apt as it is when the steps of `before` have run. `installed` is dpkg's list, when neither the base nor a
   * step may have changed anything else that apt plans by.
   */
  async use<T>(
    before: LockedPlatform,
    use: (sandbox: Sandbox, installed: string | undefined) => Promise<T>,
  ): Promise<T> {
    const { start, installed } = await this.#plan(before)
    const { container, state } = await this.#open({ ...before, steps: before.steps.slice(0, start) })
    const { status, marks } = composeState(state, installed)
    return container.use(async (sandbox) => {
      await sandbox.write([
        { path: STATUS, content: status },
        { path: MARKS, content: marks },
      ])
      return use(sandbox, start === 0 && before.base.kind === 'debian' ? status : undefined)
    })
  }

  async [Symbol.asyncDispose](): Promise<void> {
    const opened = this.#opened
    this.#opened = undefined
    await opened?.container[Symbol.asyncDispose]()
  }

  /** After which steps an image is needed, and what those behind them install. */
  async #plan(before: LockedPlatform): Promise<{ start: number; installed: InstalledPackages[] }> {
    let start = this.#steps.slice(0, before.steps.length).findLastIndex(mayChangeApt) + 1
    let installed: InstalledPackages[] = []
    await this.#readControls({ ...before, steps: before.steps.slice(start) })
    for (const [index, locked] of before.steps.entries()) {
      const step = this.#steps[index]
      if (index < start || locked.kind !== 'apt' || step?.kind !== 'apt') continue
      const packages = locked.packages.map(({ sha256 }) => this.#controls.get(sha256) as Control)
      if (packages.some((each) => each.bringsApt)) {
        start = index + 1
        installed = []
      } else {
        const requested = step.packages.map((word) => parseAptRequest(word).name)
        installed.push({ requested, controls: packages.map(({ control }) => control) })
      }
    }
    return { start, installed }
  }

  async #open(image: LockedPlatform): Promise<Opened> {
    if (this.#opened?.steps === image.steps.length) return this.#opened
    await this[Symbol.asyncDispose]()
    const container = await this.#openImage(image)
    this.#opened = { steps: image.steps.length, container, state: { status: '', marks: '' } }
    this.#opened.state = await container.use(readState)
    return this.#opened
  }

  /** Reads what the .debs of steps say of themselves, once; those that were never read before are fetched. */
  async #readControls(locked: LockedPlatform): Promise<void> {
    const kept = contentsFiles(this.#ports)
    const nameOf = ({ sha256 }: DebianPackage) => hash('sha256', `control of ${sha256}`, 'hex')
    const isUnknown = ({ sha256 }: DebianPackage) => !this.#controls.has(sha256)
    const unknown = () =>
      locked.steps.flatMap((step) => (step.kind === 'apt' ? step.packages.filter(isUnknown) : []))
    const eachUnknown = (work: (entry: DebianPackage) => Promise<void>) =>
      pMap(unknown(), work, { concurrency: 16 })
    await eachUnknown(async (entry) => {
      const found = await kept.get(nameOf(entry))
      if (found !== undefined) this.#controls.set(entry.sha256, JSON.parse(found.toString()) as Control)
    })
    await this.#fetch(unknown(), locked)
    await eachUnknown(async (entry) => {
      const control = await readControl(this.#ports.store.path(entry.sha256), entry)
      this.#controls.set(entry.sha256, control)
      await kept.put(nameOf(entry), Buffer.from(JSON.stringify(control)))
    })
  }

  async #fetch(packages: readonly DebianPackage[], locked: LockedPlatform): Promise<void> {
    if (packages.length === 0) return
    this.#ports.progress({ kind: 'stage', title: 'fetching artifacts' })
    const wanted = new Set(packages.map(({ sha256 }) => sha256))
    const { files } = contextArtifacts(locked)
    await fetchInputs(
      this.#ports,
      { files: files.filter(({ artifact }) => wanted.has(artifact.sha256)) },
      { ...locked, steps: [] },
    )
  }
}

async function readControl(path: string, { name, version, size }: DebianPackage): Promise<Control> {
  await using file = await open(path)
  const { control, files } = await readDebControl(readFileAt(file), size, `${name} ${version}`)
  return { control, bringsApt: bringsApt({ files }) }
}

async function readState(sandbox: Sandbox): Promise<AptState> {
  const read = async (path: string) => {
    const script = 'if [ -e "$1" ]; then cat -- "$1"; fi'
    const { exitCode, stdout, stderr } = await sandbox.run(['sh', '-c', script, 'sh', path])
    if (exitCode !== 0) throw new Error(`reading ${path} of the image failed: ${stderr}`)
    return stdout
  }
  return { status: await read(STATUS), marks: await read(MARKS) }
}
