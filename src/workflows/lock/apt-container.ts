import { open } from 'node:fs/promises'
import pMap from 'p-map'
import { contextArtifacts } from '../../dockerfile/context-artifacts.ts'
import type { KeptContainer } from '../../engine/container.ts'
import { type DebControl, readDebControl } from '../../formats/deb/deb-control.ts'
import { readFileAt } from '../../formats/read-at.ts'
import type { DebianPackage, LockedPlatform } from '../../lock/schema.ts'
import { parseAptRequest } from '../../recipe/apt-request.ts'
import type { Step } from '../../recipe/schema.ts'
import { bringsApt, mayChangeApt } from '../../resolve/apt/apt-inputs.ts'
import { type AptState, composeState, type InstalledPackages } from '../../resolve/apt/compose-state.ts'
import type { Sandbox } from '../../resolve/sandbox.ts'
import { fetchInputs } from '../build/fetch-inputs.ts'
import type { Cache, Fetching } from '../ports.ts'

const STATUS = '/var/lib/dpkg/status'
const MARKS = '/var/lib/apt/extended_states'

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
  readonly #controls = new Map<string, Promise<DebControl>>()
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
    await this.#fetch({ ...before, steps: before.steps.slice(start) })
    for (const [index, locked] of before.steps.entries()) {
      const step = this.#steps[index]
      if (index < start || locked.kind !== 'apt' || step?.kind !== 'apt') continue
      const packages = await pMap(locked.packages, (entry) => this.#control(entry), { concurrency: 16 })
      if (packages.some(bringsApt)) {
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

  /** Brings the .debs of steps into the store. */
  async #fetch(locked: LockedPlatform): Promise<void> {
    const steps = locked.steps.filter(
      (step) => step.kind === 'apt' && step.packages.some(({ sha256 }) => !this.#controls.has(sha256)),
    )
    if (steps.length === 0) return
    this.#ports.progress({ kind: 'stage', title: 'fetching artifacts' })
    const { files } = contextArtifacts({ ...locked, steps })
    const ofSteps = files.filter(({ destination }) => destination.startsWith('artifacts/apt-'))
    await fetchInputs(this.#ports, { files: ofSteps }, { ...locked, steps })
  }

  #control({ name, version, sha256, size }: DebianPackage): Promise<DebControl> {
    const known = this.#controls.get(sha256)
    if (known !== undefined) return known
    const reading = readControl(this.#ports.store.path(sha256), size, `${name} ${version}`)
    this.#controls.set(sha256, reading)
    return reading
  }
}

async function readControl(path: string, size: number, name: string): Promise<DebControl> {
  await using file = await open(path)
  // the file is open until then
  return await readDebControl(readFileAt(file), size, name)
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
