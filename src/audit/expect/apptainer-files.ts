import { hash } from 'node:crypto'
import type { Inode } from '../../image/layer-entry.ts'
import type { ConfigSummary } from '../audit-report.ts'

/** What an image says that a container is to run: Apptainer writes that into files. */
export type ApptainerSettings = Pick<ConfigSummary, 'env' | 'entrypoint' | 'cmd' | 'labels'>

const ROOT = '.singularity.d'
/** Has what an image's config says of variables. */
export const DOCKER_ENVIRONMENT = `${ROOT}/env/10-docker2singularity.sh`
const RUNSCRIPT = `${ROOT}/runscript`
const LABELS = `${ROOT}/labels.json`
const DEFINITION = `${ROOT}/Singularity`

/** Files whose content depends on the image, which is looked into. */
export const APPTAINER_TEXTS: ReadonlySet<string> = new Set([
  DOCKER_ENVIRONMENT,
  RUNSCRIPT,
  LABELS,
  DEFINITION,
])

/** Names in the root of what Apptainer adds. */
export const APPTAINER_LINKS: Readonly<Record<string, string>> = {
  '.exec': `${ROOT}/actions/exec`,
  '.run': `${ROOT}/actions/run`,
  '.shell': `${ROOT}/actions/shell`,
  '.test': `${ROOT}/actions/test`,
  environment: `${ROOT}/env/90-environment.sh`,
  singularity: RUNSCRIPT,
}
const DIRECTORIES = new Set([ROOT, `${ROOT}/actions`, `${ROOT}/env`, `${ROOT}/libs`])

/** sha256 of what is the same in every image, as Apptainer 1.4.5 writes it. */
const PROGRAMS: Readonly<Record<string, string>> = {
  [`${ROOT}/actions/exec`]: 'd4898a0562b8b0357fb4cbf49accfdb795b7f997b056548aaa0b3efc51371c4e',
  [`${ROOT}/actions/run`]: 'ba9a6d5d67132f654afb2c2ed17133c67894c412c3109f2abe4f69405dbf970f',
  [`${ROOT}/actions/shell`]: '96b8c879a22ad2614761a204465c1542b8f61a29cba149ad48e59afe1532ce36',
  [`${ROOT}/actions/start`]: 'd063a3dcf60a6da26507274ae4c5c73b4c3f0a8157c7e5b1327ef35c1580d70f',
  [`${ROOT}/actions/test`]: 'e63bcaea5db1f76e9aa894b0d85299ddfca8543588eccd5cbb2c96e3982259f6',
  [`${ROOT}/env/01-base.sh`]: 'f3109c12c5b99874a52f0f04219514e1fe4e4073fcd0dfa8772553c6a50078dd',
  [`${ROOT}/env/90-environment.sh`]: 'f59d153fefde5cea21d8d09d6e9f1c740920a4c61a1df4aa3ac44ae69ef6d775',
  [`${ROOT}/env/94-appsbase.sh`]: 'e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855',
  [`${ROOT}/env/95-apps.sh`]: '8281ca191225faaeb3a0fc251f37e9603df056a4ba51cb875039ce8e241958cb',
  [`${ROOT}/env/99-base.sh`]: '03d00ded991c8615807c5f7c7e17bb70c253f88e75b358cd1206ffd104ad82a9',
  [`${ROOT}/env/99-runtimevars.sh`]: '92eb7afbbedc63c03bb80855b162dfd70a8864b655b437f5663cadc0d168a1d6',
  [`${ROOT}/startscript`]: '2de1dab9ee6b054aca3b5415cc5df0bc21702c1b2f358c98ba2f7e5287801605',
}

/** sha256 of what a run script has apart from the words of entrypoint and command, by which of these there are. */
const RUNSCRIPTS: ReadonlySet<string> = new Set([
  'edd426f94c3482b89c68179f43300db3dac2e2e7660768a31a5221868d767db7',
  'defae1ad45259107b4e835e5d5231416601896292f28a6e1af78b668b1f26977',
  'ce7f0948a6e09387eb3a205b78249c84ba6a18319af00612926bd856288cd03d',
  'aac8ae96ebdbb1bc3d397fc91ab2dfd782ab5318453eb44cef715f3d96cdad29',
])

/**
 * Whether a path is what Apptainer puts into every SIF that it builds of an image, and just as Apptainer 1.4 writes it. The
 * caller has seen that it is root's, and without attributes.
 *
 * @param settings of the image; without them nothing counts that depends on these
 */
export function isApptainers(
  path: string,
  { type, mode, target, sha256, content }: Inode,
  settings: ApptainerSettings | undefined,
): boolean {
  if (type === 'directory') return mode === 0o755 && DIRECTORIES.has(path)
  if (type === 'symlink') return Object.hasOwn(APPTAINER_LINKS, path) && target === APPTAINER_LINKS[path]
  if (type !== 'file') return false
  if (Object.hasOwn(PROGRAMS, path)) return mode === 0o755 && sha256 === PROGRAMS[path]
  const text = content?.toString('latin1')
  if (text === undefined) return false
  switch (path) {
    case DEFINITION:
      return mode === 0o644 && /^bootstrap: [\w-]+\nfrom: [^\n]*\n\n$/.test(text)
    case LABELS:
      return mode === 0o644 && isLabels(text, settings)
    case DOCKER_ENVIRONMENT:
      return mode === 0o755 && settings !== undefined && isEnvironment(text, settings)
    case RUNSCRIPT:
      return mode === 0o755 && settings !== undefined && isRunscript(text, settings)
    default:
      return false
  }
}

/** The image's labels, and Apptainer's own, which have no say in what runs. */
function isLabels(text: string, settings: ApptainerSettings | undefined): boolean {
  let labels: unknown
  try {
    labels = JSON.parse(Buffer.from(text, 'latin1').toString())
  } catch {
    return false
  }
  if (typeof labels !== 'object' || labels === null || Array.isArray(labels)) return false
  const wanted = new Map(Object.entries(settings?.labels ?? {}))
  const others = Object.entries(labels).filter(
    ([name, value]) => !wanted.delete(name) || value !== settings?.labels[name],
  )
  return (
    wanted.size === 0 && others.every(([name, value]) => OWN_LABEL.test(name) && typeof value === 'string')
  )
}

const OWN_LABEL =
  /^org\.label-schema\.(build-(arch|date)|schema-version|usage\.(apptainer|singularity)\.[a-z.]+)$/

/** A line a variable, in the order of the config, which a lock does not keep. */
function isEnvironment(text: string, { env }: ApptainerSettings): boolean {
  const lines = Object.entries(env).map(([name, value]) => {
    const quoted = `"${bytes(value).replaceAll(/["$`\\]/g, (character) => ENVIRONMENT_ESCAPES[character] ?? '')}"`
    return `export ${name}=${name === 'PATH' ? quoted : `"\${${name}:-${quoted}}"`}`
  })
  const [first, ...rest] = text.replace(/\n$/, '').split('\n')
  return first === '#!/bin/sh' && rest.sort().join('\n') === lines.sort().join('\n')
}

const ENVIRONMENT_ESCAPES: Readonly<Record<string, string>> = {
  '"': '\\\\\\"',
  $: '\\\\$',
  '`': '\\\\`',
  '\\': '\\\\\\\\',
}

/** Entrypoint and command are in it as one word each, and as a line for each of their words. */
function isRunscript(text: string, settings: ApptainerSettings): boolean {
  const [entrypoint, cmd] = [settings.entrypoint ?? [], settings.cmd ?? []].map((words) =>
    words.map(bytes),
  ) as [string[], string[]]
  const word = (words: string[]) =>
    single(words.map((each) => `"${each.replaceAll(/[\\"$`]/g, '\\$&')}"`).join(' '))
  const head = `#!/bin/sh\nOCI_ENTRYPOINT=${word(entrypoint)}\nOCI_CMD=${word(cmd)}\n`
  if (!text.startsWith(head)) return false
  const lines = (words: string[]) =>
    words
      .toReversed()
      .map((each) => `set -- ${single(each)} "$@"\n`)
      .join('')
  const without = (rest: string, words: string[], name: string) =>
    words.length === 0 ? rest : rest.replaceAll(lines(words), () => name)
  const rest = without(without(text.slice(head.length), cmd, '<cmd>'), entrypoint, '<entrypoint>')
  return RUNSCRIPTS.has(hash('sha256', Buffer.from(rest, 'latin1')))
}

const single = (text: string) => `'${text.replaceAll("'", `'"'"'`)}'`
/** UTF-8 as latin1, as contents are read here. */
const bytes = (text: string) => Buffer.from(text).toString('latin1')
