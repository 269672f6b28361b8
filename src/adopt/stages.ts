import type { Dockerfile, Instruction } from '../formats/dockerfile/read-dockerfile.ts'
import { readPairs, splitWords, type Variables } from '../formats/dockerfile/words.ts'

/** An instruction of a stage, with what was set when it runs. */
export interface StageInstruction {
  instruction: Instruction
  /** Of ARG and ENV; `undefined` is a value that is given when the image is built. */
  variables: Variables
  /** The words of SHELL that are in force. */
  shell: readonly string[]
}

export interface Stage {
  from: Instruction
  /** What it stands on, with its variables; undefined when that is not known. */
  image: string | undefined
  name: string | undefined
  instructions: StageInstruction[]
  /** The stage before it that it stands on. */
  parent: Stage | undefined
  /** What ENV and SHELL leave. */
  environment: ReadonlyMap<string, string | undefined>
  shell: readonly string[]
  /** Whether the image has its files: it is the last one, or that stands on it. */
  isInImage: boolean
}

export interface Stages {
  stages: Stage[]
  /** Instructions before the first FROM: ARG, or what has no place there. */
  before: Instruction[]
}

const SHELL = ['/bin/sh', '-c']

/**
 * Follows a Dockerfile's instructions from FROM to FROM with the variables that they set.
 *
 * @param given values of `--build-arg`
 * @param initial variables of the image that each stage stands on
 */
export function readStages(
  { escaping, instructions }: Dockerfile,
  given: Readonly<Record<string, string>> = {},
  initial: Variables = new Map(),
): Stages {
  const global = new Map<string, string | undefined>()
  const before: Instruction[] = []
  const stages: Stage[] = []
  let scope = new Map<string, string | undefined>()
  let environment = new Map<string, string | undefined>()
  let shell: readonly string[] = SHELL
  for (const instruction of instructions) {
    const { keyword, body } = instruction
    const stage = stages.at(-1)
    if (keyword === 'FROM' && !instruction.isTrigger) {
      const [image, as, name] = splitWords(body.text, escaping, global)
      const isNamed = as?.text.toLowerCase() === 'as'
      const parent = findStage(stages, image?.value)
      // a stage that stands on another has its environment
      environment = new Map(parent?.environment ?? initial)
      shell = parent?.shell ?? SHELL
      scope = new Map(environment)
      stages.push({
        from: instruction,
        image: image?.value,
        name: isNamed ? name?.text.toLowerCase() : undefined,
        instructions: [],
        parent,
        environment,
        shell,
        isInImage: false,
      })
      continue
    }
    if (stage === undefined) {
      before.push(instruction)
      if (keyword === 'ARG')
        for (const { name, value } of argumentsOf(instruction, escaping, global))
          global.set(name, given[name] ?? value)
      continue
    }
    stage.instructions.push({ instruction, variables: new Map(scope), shell })
    if (instruction.isTrigger) continue
    if (keyword === 'SHELL' && instruction.json !== undefined) {
      shell = instruction.json
      stage.shell = shell
    }
    if (keyword === 'ARG') {
      for (const { name, value, isSet } of argumentsOf(instruction, escaping, scope))
        if (!environment.has(name)) scope.set(name, given[name] ?? (isSet ? value : global.get(name)))
    }
    if (keyword === 'ENV') {
      for (const { name, value } of readPairs(body, escaping, scope)) {
        environment.set(name, value)
        scope.set(name, value)
      }
    }
  }
  markInImage(stages)
  return { stages, before }
}

/** The last of these stages that has a name, whatever its case. */
export function findStage(stages: readonly Stage[], name: string | undefined): Stage | undefined {
  return stages.findLast((stage) => stage.name !== undefined && stage.name === name?.toLowerCase())
}

function argumentsOf(instruction: Instruction, escaping: string, variables: Variables) {
  return splitWords(instruction.body.text, escaping, variables).map(({ text, value }) => {
    const equals = text.indexOf('=')
    return {
      name: equals === -1 ? text : text.slice(0, equals),
      value: equals === -1 ? undefined : value?.slice(equals + 1),
      isSet: equals !== -1,
    }
  })
}

function markInImage(stages: Stage[]): void {
  for (let stage = stages.at(-1); stage !== undefined; stage = stage.parent) stage.isInImage = true
}
