import { type Argument, type RunCommand, readArguments } from '../run-commands.ts'
import type { Add, RunContext } from './run-context.ts'

interface Manager {
  program: RegExp
  /** The words before the packages: `['install']`. */
  verbs: string[]
  /** Whether a package is named with one version. */
  isPinned: (word: string) => boolean
  /** How one is written. */
  instead: string
  /** Options whose value is no package. */
  valued?: string[]
  /** An option by which a version or a lockfile is held to. */
  pinnedBy?: string[]
  /** Why it is open without any package, as when it reads a file of the project. */
  isOpenAlone?: string
}

const atVersion = (word: string) => /.@v?\d+(\.[\w.+-]+)+$/.test(word) || /.@"?\$/.test(word) || isLocal(word)
const isLocal = (word: string) => /^(\.|\/|~)|\.(tgz|gem|rpm|apk|whl|zip|conda|tar\.(gz|bz2))$/.test(word)
const withEquals = (word: string) => /=[^*]+$/.test(word) || isLocal(word)
const never = (word: string) => isLocal(word)
const NPM_VALUED = [
  '--prefix',
  '--registry',
  '-C',
  '--dir',
  '--cwd',
  '--filter',
  '--loglevel',
  '--cache',
  '--userconfig',
]
const CONDA_VALUED = [
  '-n',
  '-p',
  '-c',
  '-f',
  '--name',
  '--prefix',
  '--channel',
  '--file',
  '--root-prefix',
  '-r',
  '--solver',
  '--platform',
]

/** Package managers beside apt and pip, which have rules of their own. */
const MANAGERS: Manager[] = [
  {
    program: /^npm$/,
    verbs: ['install', 'i', 'add', 'update', 'upgrade'],
    isPinned: atVersion,
    instead: 'npm ci',
    valued: NPM_VALUED,
    isOpenAlone: 'it changes what package-lock.json says when package.json allows it',
  },
  {
    program: /^(npx|pnpx|bunx)$/,
    verbs: [''],
    isPinned: atVersion,
    instead: 'npx NAME@<version>',
    valued: ['-p', '--package', '-c'],
  },
  {
    program: /^yarn$/,
    verbs: ['add', 'global add'],
    isPinned: atVersion,
    instead: 'NAME@<version>',
    valued: NPM_VALUED,
  },
  {
    program: /^yarn$/,
    verbs: ['install', ''],
    isPinned: never,
    instead: 'yarn install --immutable',
    pinnedBy: ['--frozen-lockfile', '--immutable', '--version', '-v'],
    valued: NPM_VALUED,
    isOpenAlone: 'it may change yarn.lock',
  },
  { program: /^pnpm$/, verbs: ['add'], isPinned: atVersion, instead: 'NAME@<version>', valued: NPM_VALUED },
  {
    program: /^pnpm$/,
    verbs: ['install', 'i'],
    isPinned: atVersion,
    instead: 'pnpm install --frozen-lockfile',
    pinnedBy: ['--frozen-lockfile'],
    valued: NPM_VALUED,
    isOpenAlone: 'it may change pnpm-lock.yaml',
  },
  {
    program: /^bun$/,
    verbs: ['add', 'install'],
    isPinned: atVersion,
    instead: 'bun install --frozen-lockfile',
    pinnedBy: ['--frozen-lockfile'],
    isOpenAlone: 'it may change bun.lock',
  },
  {
    program: /^(conda|mamba|micromamba)$/,
    verbs: ['install', 'create', 'update', 'env create', 'env update'],
    isPinned: (word) => /[^=<>!~]={1,2}[^=*]+$/.test(word) || isLocal(word) || /@explicit/.test(word),
    instead: 'NAME=<version>=<build>, or a file of conda-lock',
    valued: CONDA_VALUED,
  },
  {
    program: /^gem$/,
    verbs: ['install', 'i', 'update'],
    isPinned: (word) => /:\d/.test(word) || isLocal(word),
    instead: 'gem install NAME -v <version>',
    pinnedBy: ['-v', '--version'],
    valued: ['-v', '--version', '-i', '-s', '--source'],
  },
  {
    program: /^bundle$/,
    verbs: ['update'],
    isPinned: never,
    instead: 'bundle install with a committed Gemfile.lock',
    isOpenAlone: 'it changes Gemfile.lock',
  },
  {
    program: /^go$/,
    verbs: ['install', 'get', 'run'],
    isPinned: (word) => atVersion(word) || !/^[\w-]+\.[\w.-]+\//.test(word),
    instead: 'go install MODULE@v<version>',
    valued: ['-o', '-ldflags', '-tags', '-gcflags', '-C'],
  },
  {
    program: /^cargo$/,
    verbs: ['install', 'binstall'],
    isPinned: (word) => atVersion(word) || isLocal(word),
    instead: 'cargo install NAME --version <version> --locked',
    pinnedBy: ['--version', '--vers', '--path', '--rev'],
    valued: [
      '--version',
      '--vers',
      '--git',
      '--branch',
      '--tag',
      '--rev',
      '--root',
      '--features',
      '--path',
      '-F',
      '--bin',
      '--target',
      '--profile',
      '-j',
    ],
  },
  {
    program: /^apk$/,
    verbs: ['add', 'upgrade'],
    isPinned: (word) => /[^<>~=]=[^*]+$/.test(word) || isLocal(word) || word.startsWith('.'),
    instead: 'NAME=<version>',
    valued: [
      '-t',
      '--virtual',
      '-X',
      '--repository',
      '-p',
      '--root',
      '--arch',
      '--repositories-file',
      '--keys-dir',
    ],
  },
  {
    program: /^(yum|dnf|dnf5|microdnf|tdnf)$/,
    verbs: ['install', 'update', 'upgrade', 'groupinstall', 'group install', 'distro-sync'],
    isPinned: (word) => /-\d[\w.~^+:]*-\d[\w.~^+]*$/.test(word) || isLocal(word) || word.startsWith('@$'),
    instead: 'NAME-<version>-<release>',
    valued: [
      '-c',
      '--installroot',
      '--releasever',
      '--enablerepo',
      '--disablerepo',
      '--setopt',
      '--repo',
      '-x',
      '--exclude',
    ],
  },
  {
    program: /^zypper$/,
    verbs: ['install', 'in', 'update', 'up', 'dup'],
    isPinned: withEquals,
    instead: 'NAME=<version>',
    valued: ['-r', '--repo', '--from', '-t', '-R', '--root'],
  },
  {
    program: /^(tlmgr)$/,
    verbs: ['install', 'update'],
    isPinned: never,
    instead: 'a repository of one year: tlmgr option repository <address of the historic archive>',
  },
  {
    program: /^(cpanm|cpan)$/,
    verbs: [''],
    isPinned: (word) => atVersion(word) || isLocal(word),
    instead: 'cpanm NAME@<version>',
    valued: ['-l', '-L', '--mirror'],
  },
  {
    program: /^luarocks$/,
    verbs: ['install'],
    isPinned: (word) => /^\d/.test(word),
    instead: 'luarocks install NAME <version>',
  },
  {
    program: /^composer$/,
    verbs: ['require', 'update', 'global require'],
    isPinned: (word) => /:\d+\.\d+/.test(word),
    instead: 'composer install with a committed composer.lock',
    isOpenAlone: 'it changes composer.lock',
  },
  {
    program: /^brew$/,
    verbs: ['install', 'upgrade'],
    isPinned: never,
    instead: 'a release of one version with its sha256',
  },
  {
    program: /^(install2\.r|installGithub\.r|install\.r)$/,
    verbs: [''],
    isPinned: never,
    instead: "Rscript -e \"remotes::install_version('NAME', '<version>')\"",
    valued: ['-n', '-r', '-l', '--ncpus', '--repos', '--libloc'],
  },
  {
    program: /^(pipx|uvx)$/,
    verbs: ['install', 'run', ''],
    isPinned: (word) => /==/.test(word) || atVersion(word) || isLocal(word),
    instead: 'pipx install NAME==<version>',
    valued: ['--python', '--index-url', '-i', '--from', '--with'],
  },
  {
    program: /^uv$/,
    verbs: ['tool install', 'tool run', 'add'],
    isPinned: (word) => /==/.test(word) || atVersion(word) || isLocal(word),
    instead: 'NAME==<version>',
    valued: ['--python', '-p', '--index-url', '--with'],
  },
  {
    program: /^uv$/,
    verbs: ['sync', 'lock'],
    isPinned: () => true,
    instead: 'uv sync --locked',
    pinnedBy: ['--locked', '--frozen'],
    valued: ['--extra', '--group', '--python', '-p', '--no-install-package', '--directory', '--project'],
    isOpenAlone: 'it may change uv.lock',
  },
  {
    program: /^poetry$/,
    verbs: ['add', 'update', 'self add'],
    isPinned: (word) => /(==|@)\d/.test(word),
    instead: 'poetry install with a committed poetry.lock',
    valued: ['--group', '-G', '--extras', '-E'],
    isOpenAlone: 'it changes poetry.lock',
  },
  {
    program: /^pipenv$/,
    verbs: ['install', 'update'],
    isPinned: (word) => /==/.test(word),
    instead: 'pipenv install --deploy',
    pinnedBy: ['--deploy', '--ignore-pipfile'],
    isOpenAlone: 'it may change Pipfile.lock',
    valued: ['-r', '--python', '--categories'],
  },
]

/** R's functions that take what is newest. */
const R_INSTALLS =
  /\b(install\.packages|install_github|install_gitlab|BiocManager::install|pak::pkg_install|pkg_install|update\.packages)\s*\(/

/** What other package managers install. */
export function checkOthers({ commands, variables }: RunContext, add: Add): void {
  for (const command of commands) {
    const { program, args } = command
    if (/^(Rscript|R|littler|r)$/.test(program)) checkR(command, add)
    for (const manager of MANAGERS) {
      if (!manager.program.test(program)) continue
      const found = callOf(manager, args)
      if (found === undefined) continue
      const { verb, words, options } = found
      const isHeld = manager.pinnedBy?.some((name) => options.has(name)) || isFileOfLock(options)
      if (isHeld || (program === 'npm' && variables.get('npm_config_package_lock_only') === 'true')) continue
      const name = [program, verb].filter(Boolean).join(' ')
      const open = words.filter(({ value, text }) => !manager.isPinned(value ?? text))
      const [first] = open
      if (first !== undefined)
        add(
          'package-unpinned',
          first.at,
          `"${name}" without a version: ${open.map(({ value, text }) => value ?? text).join(' ')}`,
          manager.instead,
        )
      else if (words.length === 0 && manager.isOpenAlone !== undefined)
        add('package-unpinned', command.at, `"${name}": ${manager.isOpenAlone}`, manager.instead)
      else if (
        words.length === 0 &&
        /(up(date|grade)?|dup|distro-sync|create|install)$/.test(verb) &&
        (verb !== 'install' || options.has('--file') || options.has('-f'))
      )
        add(
          'package-unpinned',
          command.at,
          `"${name}" takes what is newest on the day of the build`,
          manager.instead,
        )
      break
    }
  }
}

/** The verb that a manager is called with; one of no words is any that no other has. */
function callOf({ verbs, valued = [] }: Manager, args: readonly Argument[]) {
  const { options, positional } = readArguments(args, new Set(valued))
  for (const verb of verbs) {
    const words = verb === '' ? [] : verb.split(' ')
    if (!words.every((word, i) => positional[i]?.value === word)) continue
    // without a verb: `yarn` alone installs, `yarn build` does not
    if (verb === '' && verbs.length > 1 && positional.length > 0) continue
    const rest = positional.slice(words.length)
    return { verb, words: verb === '' ? rest.slice(0, 1) : rest, options }
  }
  return undefined
}

/** A file of conda-lock or `conda list --explicit` has an address with a hash for each package. */
const isFileOfLock = (options: ReadonlyMap<string, Argument[]>) =>
  [...(options.get('--file') ?? []), ...(options.get('-f') ?? [])].some(({ value, text }) =>
    /lock|explicit/.test(value ?? text),
  )

function checkR(command: RunCommand, add: Add): void {
  const { args, redirects } = command
  const at = args.find(({ value, text }) => R_INSTALLS.test(value ?? text))
  const body = redirects.find((redirect) => R_INSTALLS.test(redirect.body ?? ''))
  if (at === undefined && body === undefined) return
  const text = at?.value ?? at?.text ?? body?.body ?? ''
  // a repository of one day has one version of each
  if (/\/\d{4}-\d{2}-\d{2}(\b|\/)/.test(text)) return
  add(
    'package-unpinned',
    (at ?? command).at,
    `${R_INSTALLS.exec(text)?.[1]} takes what is newest on the day of the build`,
    "remotes::install_version('NAME', '<version>'), or a repository of one day",
  )
}
