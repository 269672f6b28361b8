import type { CauseId } from '../../src/verify/cause.ts'

/** A recipe whose last step gives another image each time, for one reason. */
export interface GalleryCase {
  /** Name of its recipe. */
  name: string
  cause: CauseId
  /** What the step runs. */
  command: string
  /**
   * What stands for the same step in other surroundings, where one machine does not give two: another locale,
   * another CPU, another release upstream.
   */
  elsewhere?: string
  /** Where the difference shows. */
  path: string
  /** What the image has beside the smallest Debian. */
  needs?: 'python' | 'compiler'
}

const DOT = `cat > /opt/dot.c <<'END'
#ifdef AVX2
int dot(int *a, int *b) { return a[0]*b[0] + a[1]*b[1] + a[2]*b[2] + a[3]*b[3]; }
#else
int dot(int *a, int *b) { int sum = 0; for (int i = 0; i < 4; i++) sum += a[i]*b[i]; return sum; }
#endif
END`

export const GALLERY: readonly GalleryCase[] = [
  {
    name: 'date-in-a-file',
    cause: 'timestamp',
    command: 'echo "built on $(date)" > /opt/built',
    path: '/opt/built',
  },
  {
    name: 'time-of-a-file',
    cause: 'timestamp',
    command: 'echo same > /opt/old && touch -d "1 year ago" /opt/old',
    path: '/opt/old',
  },
  {
    name: 'random-id',
    cause: 'random-id',
    command: 'echo "id $(od -An -N16 -tx1 /dev/urandom | tr -d " \\n")" > /opt/id',
    path: '/opt/id',
  },
  {
    name: 'random-bytes',
    cause: 'random-id',
    command: 'head -c 64 /dev/urandom > /opt/seed',
    path: '/opt/seed',
  },
  {
    name: 'uuid',
    cause: 'uuid',
    command: 'cat /proc/sys/kernel/random/uuid > /opt/instance',
    path: '/opt/instance',
  },
  {
    name: 'log',
    cause: 'log',
    command: 'echo "$(date) [$$] installed" >> /var/log/installer.log',
    path: '/var/log/installer.log',
  },
  {
    name: 'cache',
    cause: 'cache',
    command: 'mkdir -p /var/cache/app && head -c 99 /dev/urandom > /var/cache/app/index',
    path: '/var/cache/app/index',
  },
  {
    name: 'byte-code',
    cause: 'byte-code',
    command:
      'mkdir /opt/lib && echo "x = 1" > /opt/lib/m.py && python3 -m compileall -q --invalidation-mode timestamp /opt/lib',
    path: '/opt/lib/__pycache__/m.cpython-311.pyc',
    needs: 'python',
  },
  {
    name: 'hash-order',
    cause: 'hash-order',
    command: `env -u PERL_HASH_SEED -u PERL_PERTURB_KEYS perl -e 'my %h = map { $_ => 1 } "a".."z"; print "{", join(", ", keys %h), "}\\n"' > /opt/keys`,
    path: '/opt/keys',
  },
  {
    name: 'parallel-order',
    cause: 'order',
    command:
      'for job in 1 2 3 4 5 6 7 8 9 10 11 12; do (sleep "0.$(od -An -N1 -tu1 /dev/urandom | tr -d " ")"; echo "job $job" >> /opt/jobs) & done; wait',
    path: '/opt/jobs',
  },
  {
    name: 'compiled-date',
    cause: 'compiled-date',
    command: `echo 'const char *built = __DATE__ " " __TIME__;' > /opt/built.c && tcc -c /opt/built.c -o /opt/built.o`,
    path: '/opt/built.o',
    needs: 'compiler',
  },
  {
    name: 'gzip-time',
    cause: 'gzip-time',
    command: 'echo same > /opt/notes && gzip /opt/notes',
    path: '/opt/notes.gz',
  },
  {
    name: 'tar-times',
    cause: 'archive-metadata',
    command: 'mkdir /opt/src && echo same > /opt/src/a && tar -C /opt -cf /opt/src.tar src',
    path: '/opt/src.tar',
  },
  {
    name: 'user-creation',
    cause: 'account-file',
    command: `useradd -m -p "$(perl -e 'print crypt("secret", sprintf("\\$6\\$%s", join "", map { ("a".."z")[rand 26] } 1..12))')" builder`,
    path: '/etc/shadow',
  },
  {
    name: 'machine-id',
    cause: 'machine-identity',
    command: 'mkdir -p /var/lib/agent && tr -d - < /proc/sys/kernel/random/uuid > /var/lib/agent/machine-id',
    path: '/var/lib/agent/machine-id',
  },
  {
    name: 'package-manager',
    cause: 'package-manager-state',
    command: 'mkdir -p /var/lib/apt/periodic && date > /var/lib/apt/periodic/update-stamp',
    path: '/var/lib/apt/periodic/update-stamp',
  },
  {
    name: 'temporary-directory',
    cause: 'temporary-file',
    command: 'work=$(mktemp -d -p /opt) && echo same > "$work/result"',
    path: '/opt/tmp.',
  },
  {
    name: 'locale-sort',
    cause: 'locale',
    command:
      'ls -A /etc | LC_ALL=C sort > /opt/names && printf "%s\\n" Zebra apple Banana | LC_ALL=C sort > /opt/words',
    elsewhere:
      'ls -A /etc | LC_ALL=C sort > /opt/names && printf "%s\\n" Zebra apple Banana | LC_ALL=C sort -f > /opt/words',
    path: '/opt/words',
  },
  {
    name: 'cpu-features',
    cause: 'cpu',
    command: `${DOT}\ntcc -DAVX2 -c /opt/dot.c -o /opt/dot.o`,
    elsewhere: `${DOT}\ntcc -c /opt/dot.c -o /opt/dot.o`,
    path: '/opt/dot.o',
    needs: 'compiler',
  },
  {
    name: 'number-of-cpus',
    cause: 'cpu',
    command: 'echo "threads = 2" > /opt/settings',
    elsewhere: 'echo "threads = 16" > /opt/settings',
    path: '/opt/settings',
  },
  {
    name: 'latest-release',
    cause: 'other-version',
    command: 'echo "plugin 2.4.1" > /opt/plugin',
    elsewhere: 'echo "plugin 2.5.0" > /opt/plugin',
    path: '/opt/plugin',
  },
  {
    name: 'umask',
    cause: 'permissions',
    command: 'umask 022; echo same > /opt/shared',
    elsewhere: 'umask 027; echo same > /opt/shared',
    path: '/opt/shared',
  },
]
