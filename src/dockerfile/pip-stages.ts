import type { BuildFile, LockedPip, LockedStep, PythonFile } from '../lock/schema.ts'

/** Wheels that are installed together, in a layer of their own below the step's last one. */
export interface WheelLayer {
  /** The stage that installs them. */
  stage: string
  /** In the directories of the step: where its files and artifacts are. */
  directory: string
  files: PythonFile[]
}

/** The layers of a `pip` step below its last one, lowest first; none of any other step. */
export function wheelLayers(step: string, pin: LockedStep | undefined): WheelLayer[] {
  if (pin?.kind !== 'pip') return []
  const numbers = [...new Set(pin.files.flatMap(({ layer }) => layer ?? []))].sort((a, b) => a - b)
  return numbers.map((number) => ({
    stage: `${step}-wheels-${number}`,
    directory: `wheels-${number}`,
    files: pin.files.filter(({ layer }) => layer === number),
  }))
}

/** The stages whose layers a step gives an image that has them, lowest first; the last one has the step's name. */
export const stepLayers = (step: string, pin: LockedStep | undefined): string[] => [
  ...wheelLayers(step, pin).map(({ stage }) => stage),
  step,
]

/** A source distribution, of which a stage makes a wheel for the step to install. */
export interface SdistStage {
  stage: string
  sdist: PythonFile
  build: BuildFile[]
}

/** What is built of source distributions for a step, each from nothing but the image before it. */
export function sdistStages(step: string, pin: LockedStep | undefined): SdistStage[] {
  if (pin?.kind !== 'pip') return []
  return pin.files.filter(isSdist).map((sdist) => ({
    stage: `${step}-sdist-${sdist.name}`,
    sdist,
    build: Object.hasOwn(pin.build, sdist.name) ? (pin.build[sdist.name] ?? []) : [],
  }))
}

export const isSdist = ({ file }: Pick<PythonFile, 'file'>) => !file.endsWith('.whl')

/** What the step's last layer has of it. */
export const lastLayer = ({ files }: LockedPip) => files.filter(({ layer }) => layer === undefined)
