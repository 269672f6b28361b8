import { type RunCommand, readArguments } from '../run-commands.ts'
import type { Add, RunContext } from './run-context.ts'

/** The clock, randomness, and keys that are made. */
export function checkChance({ commands }: Pick<RunContext, 'commands'>, add: Add): void {
  const lastRemoval = commands.findLastIndex(({ program }) => program === 'rm')
  for (const [i, command] of commands.entries()) {
    const { program, at } = command
    const words = command.args.map(({ value, text }) => value ?? text)
    const removesLater = lastRemoval > i
    if (program === 'date' && !isFixedDate(command))
      add('clock', at, `"${command.text}" is the time of the build`, 'date -u -d "@$SOURCE_DATE_EPOCH"')
    const now = clockOf(program, words)
    if (now !== undefined)
      add(
        'clock',
        at,
        `${program} takes the time of the build: ${now}`,
        'a fixed time, or that of SOURCE_DATE_EPOCH',
      )
    const key = keyMaker(program, words)
    if (key !== undefined && !(removesLater && program === 'gpg'))
      add(
        'generated-key',
        at,
        `${key} makes a key: another in each build, and everybody who has the image has it`,
        'make it when the container starts',
      )
    const chance = randomOf(command, words)
    if (chance !== undefined && !(program === 'mktemp' && removesLater))
      add(
        'random',
        at,
        `${chance} is another in each build`,
        program === 'mktemp' ? 'a name of your own' : 'a fixed value, or make it when the container starts',
      )
  }
}

/** What a Python, Perl, Ruby or Node is given to run on its command line. */
function inlineScript(program: string, words: readonly string[]): string | undefined {
  if (!/^(python[\d.]*|perl|ruby|node)$/.test(program)) return undefined
  return words.find((_, i) => /^-[a-z]*[ce]$/.test(words[i - 1] ?? ''))
}

function clockOf(program: string, words: readonly string[]): string | undefined {
  // bash: `printf '%(%F)T'`
  if (program === 'printf') return words.map((word) => /%\([^)]*\)T/.exec(word)?.[0]).find(Boolean)
  const script = inlineScript(program, words) ?? ''
  return /\b(datetime\.(now|utcnow|today)|date\.today|time\.(time|ctime|strftime|localtime|gmtime)|Time\.now|Date\.now|localtime)\b/.exec(
    script,
  )?.[0]
}

/** A time that is said, or that of a file. */
function isFixedDate({ args }: RunCommand): boolean {
  const { options } = readArguments(args, new Set(['-d', '--date', '-r', '--reference', '-s']))
  const said = [...(options.get('-d') ?? []), ...(options.get('--date') ?? [])]
  if (said.length > 0) return said.every(({ value, text }) => /^"?@|^\d{4}-\d/.test(value ?? text))
  return ['-r', '--reference', '--version', '--help'].some((name) => options.has(name))
}

function keyMaker(program: string, words: readonly string[]): string | undefined {
  // to look at keys, to convert them, and what known_hosts has
  if (program === 'ssh-keygen')
    return words.some((word) => /^-[a-zA-Z]*[FRlyeiHB]/.test(word)) ? undefined : program
  if (program === 'openssl') {
    const [verb = ''] = words
    const isRequest = verb === 'req' && words.some((word) => ['-newkey', '-x509', '-new'].includes(word))
    return /^(genrsa|genpkey|gendsa|dhparam)$/.test(verb) ||
      isRequest ||
      (verb === 'ecparam' && words.includes('-genkey'))
      ? `openssl ${verb}`
      : undefined
  }
  if (/^gpg2?$/.test(program))
    return words.some((word) => /^--(quick-|full-)?gen(erate)?-key/.test(word)) ? program : undefined
  if (program === 'keytool') return words.some((word) => /^-genkey/.test(word)) ? program : undefined
  return [
    'make-ssl-cert',
    'dbus-uuidgen',
    'systemd-machine-id-setup',
    'mkcert',
    'dropbearkey',
    'wg',
  ].includes(program) &&
    (program !== 'wg' || /^gen/.test(words[0] ?? ''))
    ? program
    : undefined
}

/** Variables and devices of chance, wherever they stand. */
const CHANCE = /\$\{?S?RANDOM\b|\/dev\/u?random\b|\/proc\/sys\/kernel\/random/

function randomOf({ program, text, piped }: RunCommand, words: readonly string[]): string | undefined {
  if (['uuidgen', 'mktemp', 'pwgen', 'shuf', 'makepasswd', 'apg', 'mcookie'].includes(program)) return program
  if (program === 'openssl' && words[0] === 'rand') return 'openssl rand'
  if (
    (program === 'chpasswd' && !words.some((word) => /^(-e|--encrypted)$/.test(word))) ||
    ['mkpasswd', 'htpasswd'].includes(program) ||
    (program === 'openssl' && words[0] === 'passwd' && !words.includes('-salt'))
  )
    return `the salt of ${program}`
  if (program === 'passwd' && (piped.length > 0 || words.includes('--stdin'))) return 'the salt of passwd'
  const script = inlineScript(program, words)
  if (
    script !== undefined &&
    /\b(uuid[14]\(|secrets\.|random\.|urandom|SecureRandom|randomBytes|randomUUID|Math\.random|\brand\b)/.test(
      script,
    )
  )
    return `what ${program} draws`
  const [match] = CHANCE.exec(text) ?? []
  // a shell that runs a script: its own commands say it
  return match !== undefined && !/^(ba|da|z)?sh$|^(sudo|env|xargs|eval|su)$/.test(program) ? match : undefined
}
