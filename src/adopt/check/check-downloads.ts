import { type Argument, type RunCommand, readArguments } from '../run-commands.ts'
import type { Add, RunContext } from './run-context.ts'

/** sha1 or sha256, all its digits. */
export const FULL_COMMIT = /^([0-9a-f]{40}|[0-9a-f]{64})$/

const FETCHES = ['curl', 'wget', 'aria2c', 'axel', 'http', 'https']
/** Options of curl and wget whose value may look like an address, and is none to fetch. */
const NOT_FETCHED =
  /^(-e|-x|--referer|--proxy|-H|--header|-A|--user-agent|-d|--data|-U|--preproxy|--doh-url)$/
const INTERPRETERS = /^((ba|da|a|z|k)?sh|python[\d.]*|perl|ruby|node|php|Rscript|source|\.|eval)$/

/** Addresses that a command fetches from outside; of one that is not known, how it is written. */
export function fetchedUrls({ program, args }: RunCommand): Argument[] {
  // a program on the command line that has an address in it hardly names it for anything else
  if (/^(python[\d.]*|perl|ruby|node)$/.test(program))
    return args.filter(
      ({ value }, i) =>
        /^-[a-z]*[ce]$/.test(args[i - 1]?.value ?? '') &&
        /['"](https?|ftp):\/\/(?!localhost|127\.)/.test(value ?? ''),
    )
  if (!FETCHES.includes(program)) return []
  const words = args.filter((_, i) => !NOT_FETCHED.test(args[i - 1]?.value ?? ''))
  const named = words.filter(
    ({ value, text }) =>
      /^["']?(https?|ftp):\/\//.test(value ?? text) || (value === undefined && text.includes('://')),
  )
  const found =
    named.length > 0
      ? named
      : words.filter(
          ({ value, text }, i) =>
            value === undefined && /^"?\$/.test(text) && !/^-/.test(words[i - 1]?.value ?? ''),
        )
  // what a container asks of itself is no download
  return found.filter(
    ({ value, text }) => !/^["']?https?:\/\/(localhost|127\.|\[::1\]|0\.0\.0\.0)/.test(value ?? text),
  )
}

/** Downloads, programs that are run as they come, and repositories. */
export function checkDownloads({ commands, hasCommit }: RunContext, add: Add): void {
  const isRun = new Set<RunCommand>()
  for (const command of commands) {
    const { program, piped, substitutes, args } = command
    if (!INTERPRETERS.test(program)) continue
    // a program that is given on the command line reads its input as data
    const isGiven =
      args.some(({ value }) => /^-[a-z]*[ce]$/.test(value ?? '')) ||
      (/^(python|perl|ruby|node)/.test(program) &&
        !['-', undefined].includes(args.find(({ value }) => value === '-' || !value?.startsWith('-'))?.value))
    const sources = [...(isGiven ? [] : piped), ...substitutes].filter((each) => fetchedUrls(each).length > 0)
    for (const source of sources) {
      if (isRun.has(source)) continue
      isRun.add(source)
      add(
        'remote-script',
        source.at,
        `${shown(source)} is run by ${program} as it comes: whatever it is on the day of the build`,
        'curl -fsSLo /tmp/install.sh URL && echo "<sha256>  /tmp/install.sh" | sha256sum -c && sh /tmp/install.sh',
      )
    }
  }
  for (const [i, command] of commands.entries()) {
    const [url] = fetchedUrls(command)
    if (url !== undefined && !isRun.has(command) && !commands.slice(i + 1).some(verifies))
      add(
        'download-unverified',
        url.at,
        `${shown(command)} is not compared with a checksum`,
        'echo "<sha256>  <file>" | sha256sum -c',
      )
    checkGit(command, hasCommit, add)
  }
}

const shown = (command: RunCommand) =>
  fetchedUrls(command)
    .map(({ value, text }) =>
      FETCHES.includes(command.program) ? (value ?? text) : `what ${command.program} fetches`,
    )
    .join(' ')

/** Whether a command fails unless a file is the right one. */
function verifies({ program, args }: RunCommand): boolean {
  const words = args.map(({ value }) => value ?? '')
  if (/^(sha(224|256|384|512)|b2)sum$|^shasum$/.test(program))
    return words.some((word) => /^-\w*c|^--check/.test(word)) || words.length === 0
  if (['gpg', 'gpg2'].includes(program)) return words.includes('--verify')
  if (['gpgv', 'minisign', 'signify'].includes(program)) return true
  if (program === 'cosign') return (words[0] ?? '').startsWith('verify')
  return program === 'openssl' && words.includes('-verify')
}

const GIT_VALUED = new Set([
  ...[
    '-b',
    '-c',
    '-o',
    '-j',
    '-u',
    '-C',
    '--branch',
    '--depth',
    '--config',
    '--origin',
    '--jobs',
    '--reference',
    '--template',
  ],
  ...[
    '--separate-git-dir',
    '--shallow-since',
    '--shallow-exclude',
    '--filter',
    '--revision',
    '--server-option',
  ],
])

/** The verb of git and what follows. */
export function gitCall({ program, args }: RunCommand) {
  if (program !== 'git') return undefined
  const { options, positional } = readArguments(args, GIT_VALUED)
  const [verb, ...words] = positional
  return { verb: verb?.value ?? '', words, options }
}

/** Whether git is told one commit by all its digits, or by a variable that says it is one. */
export function namesCommit(command: RunCommand): boolean {
  const call = gitCall(command)
  if (call === undefined) return false
  const { verb, words, options } = call
  const isCommit = ({ value, text }: Argument) =>
    FULL_COMMIT.test(value ?? '') || (value === undefined && /^"?\$\{?\w*(COMMIT|SHA|REV|HASH)/i.test(text))
  if (verb === 'clone') return (options.get('--revision') ?? []).some(isCommit)
  return ['checkout', 'reset', 'switch', 'fetch', 'worktree'].includes(verb) && words.some(isCommit)
}

function checkGit(command: RunCommand, hasCommit: boolean, add: Add): void {
  const call = gitCall(command)
  if (call === undefined || hasCommit) return
  const { verb, words, options } = call
  const isMoving =
    verb === 'clone' ||
    verb === 'pull' ||
    (verb === 'submodule' && options.has('--remote')) ||
    (verb === 'fetch' && words.length > 1)
  if (!isMoving) return
  const branch = (options.get('--branch') ?? options.get('-b'))?.[0]
  const place = words[0]?.value ?? words[0]?.text ?? 'the repository'
  const what =
    branch === undefined ? 'its default branch' : `"${branch.value ?? branch.text}", which can be moved,`
  add(
    'git-moving',
    (words[0] ?? command).at,
    `of ${place} it takes ${what} as it is on the day of the build`,
    'git checkout <commit>',
  )
}
