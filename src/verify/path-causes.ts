import type { CauseId, NamedCause } from './cause.ts'

/** What a file is by its path alone: the first rule that matches counts. */
const RULES: readonly { cause: CauseId; pattern: RegExp; evidence: string }[] = [
  {
    cause: 'machine-identity',
    pattern:
      /^\/etc\/(machine-id|hostid|hostname|adjtime|ssh\/ssh_host_.*)$|^\/var\/lib\/(dbus\/machine-id|systemd\/random-seed|systemd\/credential\.secret)$|\/ssl-cert-snakeoil\.|(^|\/)(machine-?id|boot_id|hostid)$/,
    evidence: 'programs make this file anew for each machine',
  },
  {
    cause: 'account-file',
    pattern:
      /^\/etc\/(passwd|shadow|group|gshadow|subuid|subgid)-?$|^\/etc\/\.pwd\.lock$|^\/var\/log\/(lastlog|faillog|btmp|wtmp|utmp)$/,
    evidence: 'it lists accounts, their passwords, or when they were used',
  },
  {
    cause: 'byte-code',
    pattern: /\.py[co]$|\/__pycache__(\/|$)|\.elc$/,
    evidence: 'it is compiled from a source beside it',
  },
  {
    cause: 'log',
    pattern: /^\/var\/log(\/|$)|\.log(\.\d+)?(\.gz)?$|(^|\/)nohup\.out$/,
    evidence: 'it is a log by its path',
  },
  {
    cause: 'package-manager-state',
    pattern:
      /^\/var\/lib\/(dpkg|apt|rpm|pacman|yum|dnf|apt-xapian-index|aptitude|ucf)(\/|$)|^\/lib\/apk\/db\/|\.(dist|egg)-info\/(RECORD|INSTALLER|REQUESTED|direct_url\.json)$|\/conda-meta\/|\/node_modules\/\.(package-lock\.json|yarn-integrity|modules\.yaml)$|^\/etc\/apt\/sources\.list/,
    evidence: 'a package manager keeps its notes here',
  },
  {
    cause: 'cache',
    pattern:
      /^\/var\/cache(\/|$)|\/\.(cache|ccache|npm|cargo\/registry|gradle\/caches)(\/|$)|\/_cacache(\/|$)|^\/etc\/ld\.so\.cache$|\/(icon-theme|mime|gschemas|giomodule|loaders|immodules)\.(cache|compiled)$|\.cache$|\/cache\//,
    evidence: 'it is a cache by its path',
  },
  {
    cause: 'temporary-file',
    pattern:
      /^\/(var\/)?tmp\/|^\/(var\/)?run\/|(^|\/)(tmp\.[A-Za-z0-9]{6,}|tmp[a-z0-9_]{8}|\.#.*|.*\.(swp|tmp|bak)|.*~|ompi\..*)(\/|$)/,
    evidence: 'it is a temporary file by its path',
  },
]

/** Why the content of the file at a path, or whether it is there, differs between builds, as far as its path says. */
export function pathCause(path: string): NamedCause | undefined {
  const rule = RULES.find(({ pattern }) => pattern.test(path))
  return rule && { cause: rule.cause, evidence: rule.evidence }
}
