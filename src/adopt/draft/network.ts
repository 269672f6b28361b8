import { aptCall } from '../check/check-apt.ts'
import type { RunCommand } from '../run-commands.ts'

const FROM_PROJECT = 'run it where there is a network, and place what it makes with project() or file()'
const ARCHIVES =
  'archives: [aptArchive({ url, suite, components, key })] of the recipe, and mirrors as a setting (docs/sources.md)'
const FETCHED =
  "file('https://...', { to: '/...', sha256: '...' }) of what it fetches, or what it makes placed with project()"
/** Programs that ask the network, with the verbs by which they do, and what a recipe has instead. */
const PROGRAMS: { program: RegExp; verbs?: RegExp; instead: string }[] = [
  {
    program: /^(curl|wget|aria2c|axel|ftp)$/,
    instead: "file('https://...', { to: '/...', sha256: '...' }), and a run step for what follows",
  },
  {
    program: /^(apt-get|apt|aptitude)$/,
    verbs: /^(install|update|upgrade|build-dep|source|download|dist-upgrade)$/,
    instead: "apt(['NAME', ...])",
  },
  {
    program: /^(add-apt-repository|apt-key|extrepo)$/,
    instead: ARCHIVES,
  },
  { program: /^pip[\d.]*$/, verbs: /^(install|download|wheel)$/, instead: "pip(['NAME==VERSION', ...])" },
  {
    program: /^(uv|uvx|pipx|poetry|pipenv|pdm|hatch)$/,
    instead: "pip([...]), or pip(requirementsFile('uv.lock'))",
  },
  {
    program: /^git$/,
    verbs: /^(clone|fetch|pull|submodule|lfs|ls-remote)$/,
    instead: "git('https://...', { ref: '...', to: '/...' })",
  },
  { program: /^(npm|npx|yarn|pnpm|pnpx|bun|bunx|corepack)$/, instead: FROM_PROJECT },
  {
    program: /^(conda|mamba|micromamba)$/,
    verbs: /^(install|create|update|env|search)$/,
    instead: 'apt() and pip() of the same packages',
  },
  {
    program: /^(gem|bundle|bundler)$/,
    verbs: /^(install|update|fetch|i)?$/,
    instead: "Debian's packages: apt(['ruby-NAME'])",
  },
  {
    program: /^(cargo|rustup)$/,
    instead: "Debian's packages: apt(['librust-NAME-dev']), or a file() of a release",
  },
  {
    program: /^go$/,
    verbs: /^(get|install|mod|build|run|test|generate)$/,
    instead: "Debian's packages: apt(['golang-...-dev']), or a file() of a release",
  },
  {
    program: /^(install2\.r|installGithub\.r|install\.r)$/,
    instead: "Debian's packages: apt(['r-cran-name'])",
  },
  {
    program: /^(apk|yum|dnf|dnf5|microdnf|zypper|pacman|brew|snap|flatpak)$/,
    instead: "Debian's packages: apt([...])",
  },
  {
    program: /^(composer|luarocks|cpan|cpanm|mvn|gradle|sbt|stack|cabal|mix|nuget|dotnet|tlmgr)$/,
    instead: FROM_PROJECT,
  },
  { program: /^(ssh-keyscan|svn|hg|rsync|scp|ssh)$/, instead: FROM_PROJECT },
  { program: /^(huggingface-cli|hf|playwright|gdown|kaggle|dvc|freshclam)$/, instead: FETCHED },
  {
    program: /^(aws|gsutil|gcloud|az|s3cmd|rclone)$/,
    verbs: /^(s3|cp|storage|get|copy|sync)$/,
    instead: FETCHED,
  },
]

/** Scripts on the command line that fetch something, by the programs that run them. */
const SCRIPTS: { program: RegExp; asks: RegExp }[] = [
  {
    program: /^python[\d.]*$/,
    asks: /-m\s+(spacy\s+download|nltk\.downloader|playwright\s+install|gdown)\b|\b(nltk|gensim|tfds|wandb|api)\.(download|load)\(|\b(urlretrieve|urlopen|from_pretrained|snapshot_download|hf_hub_download|load_dataset|load_data|hub\.load)\(|\brequests\.get\(/,
  },
  { program: /^spacy$/, asks: /\bdownload\b/ },
  { program: /^julia$/, asks: /\bPkg\.(add|develop|instantiate|update)\b/ },
  { program: /^octave(-cli)?$/, asks: /\bpkg install .*-forge\b/ },
  { program: /^perl$/, asks: /-MCPAN\b/ },
]

/** Files that say where apt takes packages from, and whom it believes. */
const APT_SOURCES = /\/etc\/apt\/(sources\.list|trusted\.gpg|keyrings|auth\.conf)|\/usr\/share\/keyrings\//

/** Why commands are no step of a recipe, and what is written instead; undefined for those that may be a run step. */
export function whyNoStep(commands: readonly RunCommand[], script: string): string | undefined {
  const instead = networkAdvice(commands)
  if (APT_SOURCES.test(script) && !/\bapt(-get|itude)? (-\S+ )*install\b/.test(script))
    return `archives of apt belong to the recipe; instead: ${ARCHIVES}`
  return instead === undefined
    ? undefined
    : `this needs the network, and a build has none; instead: ${instead}`
}

/** Whether apt installs packages that lie in the image: it needs no network when what they depend on is there. */
export function installsFiles(command: RunCommand): boolean {
  const { verb, words = [] } = aptCall(command) ?? {}
  return (
    verb === 'install' &&
    words.length > 0 &&
    words.every(({ value = '' }) => /^\.{0,2}\/.*\.deb$/.test(value))
  )
}

function networkAdvice(commands: readonly RunCommand[]): string | undefined {
  for (const command of commands) {
    const { program, args, text } = command
    const verb = args.find(({ value }) => value !== undefined && !value.startsWith('-'))?.value ?? ''
    if (installsFiles(command)) continue
    const found = PROGRAMS.find((each) => each.program.test(program) && (each.verbs?.test(verb) ?? true))
    if (
      /^pip[\d.]*$/.test(program) &&
      verb === 'install' &&
      args.some(({ value }) => /^(-r|--requirement)/.test(value ?? ''))
    )
      return "pip(requirementsFile('FILE')), with FILE beside the recipe"
    if (found !== undefined && !/^(--?(version|help)|-V)$/.test(args[0]?.value ?? '')) return found.instead
    if (SCRIPTS.some((each) => each.program.test(program) && each.asks.test(text))) return FETCHED
    if (/^(Rscript|R|r)$/.test(program) && /install[._]|pkg_install|install\(/.test(text))
      return "Debian's packages: apt(['r-cran-name'])"
    if (/^gpg2?$/.test(program) && /--(recv-keys?|keyserver|refresh-keys)\b/.test(text))
      return 'a key beside the recipe, placed with project()'
  }
  return undefined
}
