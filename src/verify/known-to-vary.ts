import type { CauseId } from './cause.ts'

/**
 * Words of a command that give another result each time, or on each machine, with the cause that a verification would name.
 * What is fixed for every step (time of day, files' times, the host's name, locale, hash seeds) is not here.
 */
export const KNOWN_TO_VARY: readonly { words: RegExp; cause: CauseId }[] = [
  { words: /-m(?:arch|tune|cpu)=native\b/, cause: 'cpu' },
  { words: /\bnproc\b(?!\))/, cause: 'cpu' },
  { words: /\/proc\/cpuinfo\b/, cause: 'cpu' },
  { words: /\buuidgen\b|\/proc\/sys\/kernel\/random\/uuid\b/, cause: 'uuid' },
  { words: /\/dev\/u?random\b|\$RANDOM\b|\bopenssl (?:rand|genrsa|genpkey|req)\b/, cause: 'random-id' },
  { words: /\b(?:ssh-keygen|mungekey|rndc-confgen|make-ssl-cert)\b/, cause: 'random-id' },
  { words: /\b(?:pg_createcluster|initdb|mariadb-install-db|mysql_install_db)\b/, cause: 'random-id' },
  {
    words: /\/proc\/sys\/kernel\/hostname\b|\/etc\/machine-id\b|\bsystemd-machine-id-setup\b/,
    cause: 'machine-identity',
  },
]

/** Packages that make something up as they are installed, which is in the image, with how their recipe leaves it out. */
export const PACKAGES_THAT_VARY: readonly {
  package: string
  what: string
  cause: CauseId
  advice: string
}[] = [
  {
    package: 'roundcube-core',
    what: 'the password of its database and a key',
    cause: 'random-id',
    advice:
      '"after" of apt(), as in docs/survey.md of stillroom; dpkg-reconfigure roundcube-core makes them in a container',
  },
]
