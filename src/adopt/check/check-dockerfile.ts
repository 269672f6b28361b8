import { redact } from '../../audit/secrets.ts'
import { type Dockerfile, readDockerfile } from '../../formats/dockerfile/read-dockerfile.ts'
import type { Position } from '../../formats/dockerfile/source-text.ts'
import { expandWord, splitWords } from '../../formats/dockerfile/words.ts'
import { redactLogins } from '../../net/redact-url.ts'
import {
  type CopiedFile,
  copiedFile,
  mountedFiles,
  mountsOf,
  namesDirectory,
  resolvePath,
  sourceOf,
} from '../copied-files.ts'
import { type RunCommands, runCommands } from '../run-commands.ts'
import { readStages, type Stage, type StageInstruction } from '../stages.ts'
import { checkApt } from './check-apt.ts'
import { checkCaches } from './check-caches.ts'
import { checkChance } from './check-chance.ts'
import { checkDownloads, namesCommit } from './check-downloads.ts'
import { checkAdd, checkFromFlags, checkImage, checkSecrets } from './check-instruction.ts'
import { checkOthers } from './check-others.ts'
import { checkPip } from './check-pip.ts'
import {
  type CheckedDockerfile,
  DOCKERFILE_RULES,
  type DockerfileCheck,
  type DockerfileFinding,
} from './finding.ts'
import { type Add, covers, type RunContext, removedPaths } from './run-context.ts'

/** What the check of one Dockerfile goes by, besides its text. */
export interface CheckOptions {
  /** Values of `--build-arg`. */
  buildArgs?: Readonly<Record<string, string>>
  /** Text of a file of the build context; undefined when it is not there. */
  contextFile?: (path: string) => string | undefined
}

/**
 * Finds what in a Dockerfile will not be the same when it is built again. Nothing is run and nothing is asked for: what is
 * found is what the text says.
 *
 * @returns findings in the order of their places
 */
export function checkDockerfile(
  text: string,
  { buildArgs = {}, contextFile = () => undefined }: CheckOptions = {},
): DockerfileFinding[] {
  const dockerfile = readDockerfile(text)
  const { stages, before } = readStages(dockerfile, buildArgs)
  const found = new Map<string, DockerfileFinding>()
  const add: Add = (rule, { line, column }, message, instead) => {
    const { severity } = DOCKERFILE_RULES[rule]
    const finding = {
      ...{ rule, severity, line, column, message: shown(message) },
      ...(instead === undefined ? {} : { instead: shown(instead) }),
    }
    // a command within another is met twice
    const key = `${rule}:${line}:${column}`
    if (!found.has(key)) found.set(key, finding)
  }
  const global: StageInstruction[] = before.map((instruction) => ({
    instruction,
    variables: new Map(),
    shell: [],
  }))
  for (const each of global) checkSecrets(each, dockerfile.escaping, add)
  for (const [i, stage] of stages.entries())
    checkStage(dockerfile, stages.slice(0, i), stage, contextFile, add)
  if (stages.length === 0)
    add('unread', { line: 1, column: 1 }, 'it has no FROM: it is no Dockerfile that can be built')
  return [...found.values()].sort(
    (one, other) => one.line - other.line || one.column - other.column || (one.rule < other.rule ? -1 : 1),
  )
}

/** Text of the Dockerfile without the secrets in it. */
const shown = (text: string) => redact(redactLogins(text))

/** The verdict on several files. */
export function summarizeCheck(files: CheckedDockerfile[]): DockerfileCheck {
  const all = files.flatMap(({ findings }) => findings)
  const has = (severity: string) => all.some((finding) => finding.severity === severity)
  return { verdict: has('error') ? 'findings' : has('inconclusive') ? 'inconclusive' : 'clean', files }
}

function checkStage(
  { escaping }: Dockerfile,
  earlier: readonly Stage[],
  stage: Stage,
  contextFile: (path: string) => string | undefined,
  add: Add,
): void {
  const { from, image, instructions } = stage
  const [word] = splitWords(from.body.text, escaping, new Map())
  checkImage(image, word?.text ?? '', from.body.positionAt(word?.at ?? 0), earlier, add)
  const read = instructions.map((each): RunCommands | undefined =>
    each.instruction.keyword === 'RUN'
      ? runCommands(each.instruction, each.variables, each.shell)
      : undefined,
  )
  let isDated = false
  let workdir = '/'
  const copied: CopiedFile[] = []
  for (const [i, each] of instructions.entries()) {
    const { instruction, variables } = each
    checkSecrets(each, escaping, add)
    checkFromFlags(instruction, earlier, add)
    if (instruction.keyword === 'WORKDIR')
      workdir = resolvePath(workdir, expandWord(instruction.body.text, escaping, variables) ?? '.')
    if (/^(COPY|ADD)$/.test(instruction.keyword))
      copied.push(...copiedBy(each, escaping, workdir, contextFile))
    if (instruction.keyword === 'ADD') checkAdd(each, escaping, add)
    // archives of one day: their addresses have a time in them
    if (/\/\d{8}T\d{6}Z/.test(instruction.script.text)) isDated = true
    const run = read[i]
    if (run === undefined) continue
    if (run.unread !== undefined)
      add('unread', run.unread.at, `what it runs could not be read: ${run.unread.reason}`)
    const removed = removedPaths(run.commands)
    const mounted = mountedFiles(mountsOf(instruction.flags), workdir, contextFile) ?? []
    const context: RunContext = {
      commands: run.commands,
      variables,
      isInImage: stage.isInImage,
      mounts: mountTargets(instruction.flags),
      isDated,
      hasCommit: read.slice(i).some((later) => later?.commands.some(namesCommit)),
      contextFile: (path) => {
        const source = sourceOf([...copied, ...mounted], resolvePath(workdir, path), contextFile)
        // a RUN may have gone to another directory
        return contextFile(source ?? path)
      },
      removes: (directory) => covers(removed, directory),
    }
    for (const check of [checkApt, checkPip, checkOthers, checkDownloads, checkChance, checkCaches])
      check(context, add)
  }
}

/** What COPY and ADD bring from the build context. */
function copiedBy(
  { instruction: { json, body, flags }, variables }: StageInstruction,
  escaping: string,
  workdir: string,
  contextFile: (path: string) => string | undefined,
): CopiedFile[] {
  const words = json ?? splitWords(body.text, escaping, variables).map(({ value, text }) => value ?? text)
  const to = words.at(-1)
  if (to === undefined || flags.some(({ name }) => name === 'from')) return []
  const sources = words.slice(0, -1).filter((word) => !/^(<<|[a-z]+:\/\/|git@)/.test(word))
  const isDirectory = namesDirectory(to, sources.length)
  return sources.map((source) => copiedFile(source, resolvePath(workdir, to), isDirectory, contextFile))
}

/** Where a RUN has caches and temporary file systems. */
function mountTargets(flags: readonly { name: string; value: string; at: Position }[]): string[] {
  return flags.flatMap(({ name, value }) => {
    if (name !== 'mount' || !/(^|,)type=(cache|tmpfs)(,|$)/.test(value)) return []
    return /(?:^|,)(?:target|dst|destination)=([^,]+)/.exec(value)?.[1] ?? []
  })
}
