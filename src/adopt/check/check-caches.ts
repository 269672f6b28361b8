import { type RunCommand, readArguments } from '../run-commands.ts'
import type { Add, RunContext } from './run-context.ts'

interface Cache {
  program: RegExp
  verbs: string[]
  /** What empties it. */
  cleans: RegExp
  /** Where it lies, for `rm` and mounts. */
  places: string[]
  /** Options of the call with which there is none. */
  without?: string[]
  instead: string
}

/** Caches of package managers beside apt and pip. */
const CACHES: Cache[] = [
  {
    program: /^(conda|mamba|micromamba)$/,
    verbs: ['install', 'create', 'update', 'env'],
    cleans: /^(conda|mamba|micromamba) clean\b/,
    places: ['/opt/conda/pkgs', '/root/.conda/pkgs', '/root/miniconda3/pkgs'],
    instead: 'conda clean --all --yes',
  },
  {
    program: /^npm$/,
    verbs: ['install', 'i', 'ci', 'add'],
    cleans: /^npm cache (clean|clear|rm)\b/,
    places: ['/root/.npm', '~/.npm'],
    instead: 'npm cache clean --force',
  },
  {
    program: /^yarn$/,
    verbs: ['install', 'add', 'global'],
    cleans: /^yarn cache clean\b/,
    places: ['/usr/local/share/.cache', '/root/.cache', '/root/.yarn'],
    instead: 'yarn cache clean',
  },
  {
    program: /^apk$/,
    verbs: ['add', 'upgrade', 'update'],
    cleans: /^apk cache clean\b/,
    places: ['/var/cache/apk'],
    without: ['--no-cache'],
    instead: 'apk add --no-cache',
  },
  {
    program: /^(yum|dnf|dnf5|microdnf|tdnf)$/,
    verbs: ['install', 'update', 'upgrade', 'groupinstall'],
    cleans: /^(yum|dnf|dnf5|microdnf|tdnf) (-y )?clean\b/,
    places: ['/var/cache/yum', '/var/cache/dnf'],
    instead: 'dnf clean all',
  },
  {
    program: /^zypper$/,
    verbs: ['install', 'in', 'update'],
    cleans: /^zypper (clean|cc)\b/,
    places: ['/var/cache/zypp'],
    instead: 'zypper clean --all',
  },
]

const firstWord = ({ args }: RunCommand) => readArguments(args, new Set()).positional[0]?.value ?? ''

/** What other package managers leave in the image. */
export function checkCaches({ commands, isInImage, mounts, removes }: RunContext, add: Add): void {
  if (!isInImage) return
  for (const { program, verbs, cleans, places, without, instead } of CACHES) {
    const users = commands.filter(
      (command) =>
        program.test(command.program) &&
        verbs.includes(firstWord(command)) &&
        !without?.some((option) => command.args.some(({ value }) => value === option)),
    )
    const [first] = users
    if (first === undefined) continue
    const isCleaned = commands.some((command) =>
      cleans.test(
        [command.program, ...command.args.map(({ value }) => value ?? '')]
          .join(' ')
          .replace(/ --?[\w-]+(?= )/g, ''),
      ),
    )
    const isAway = places.some((place) => removes(place) || mounts.some((target) => place.startsWith(target)))
    if (!isCleaned && !isAway)
      add('cache-kept', first.at, `the cache of ${first.program} stays in the layer`, instead)
  }
}
