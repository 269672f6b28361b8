import { redactUrl } from '../../net/redact-url.ts'

/** How git is run for one piece of work. */
export interface GitRunner {
  /** See `gitEnvironment`; nothing else of the process's own environment is passed on. */
  env: Record<string, string>
  /** What must not be shown, even if git prints it. */
  secrets: readonly string[]
  signal: AbortSignal
}

/** git said no: what it printed, without credentials. */
export class GitRefusal extends Error {
  readonly said: string
  constructor(said: string) {
    super(said)
    this.said = said
  }
}

const OPTIONS = [
  ...[
    '-c',
    'core.hooksPath=/dev/null',
    '-c',
    'core.attributesFile=/dev/null',
    '-c',
    'protocol.ext.allow=never',
  ],
  ...['-c', 'gc.auto=0', '-c', 'maintenance.auto=false', '-c', 'submodule.recurse=false'],
  ...['-c', 'fetch.recurseSubmodules=false', '-c', 'advice.detachedHead=false', '-c', 'protocol.version=2'],
]

/**
 * Runs git and gives what it prints.
 *
 * @throws GitRefusal when git ends with an error; the signal's reason when that aborts
 */
export async function runGit(
  { env, secrets, signal }: GitRunner,
  args: readonly string[],
  input: Uint8Array | string = '',
): Promise<Buffer> {
  signal.throwIfAborted()
  const { execa } = await import('execa')
  const result = await execa('git', [...OPTIONS, ...args], {
    env,
    extendEnv: false,
    encoding: 'buffer',
    input,
    cancelSignal: signal,
    reject: false,
    stripFinalNewline: false,
    maxBuffer: 1 << 30,
  })
  signal.throwIfAborted()
  if (result.failed) {
    const said = Buffer.from(result.stderr ?? []).toString('utf8')
    throw new GitRefusal(redact(said === '' ? (result.shortMessage ?? 'git failed') : said, secrets))
  }
  return Buffer.from(result.stdout)
}

/** Arguments that every git of ours begins with. */
export const gitOptions = (): readonly string[] => OPTIONS

function redact(text: string, secrets: readonly string[]): string {
  const shown = secrets.reduce((rest, secret) => rest.replaceAll(secret, '***'), redactUrl(text))
  const lines = shown
    .split('\n')
    .map((line) => line.trim())
    .filter((line) => line !== '')
  return lines.slice(-6).join('; ')
}
