/** Files that a Debian package makes while it is installed, that no two installations have alike, and that no image has. */
export interface LeftOut {
  /** The package whose installation makes them. */
  package: string
  /**
   * `secret`: a key, with what belongs to it. `database`: empty, but with random numbers and times in it. `cache`: made
   * anew by what needs it, in an order that memory addresses decide.
   */
  kind: 'secret' | 'database' | 'cache'
  /** What they are, in words. */
  what: string
  /** Patterns of sh(1) for files, links and directories, without the first slash; `*` stands for no slash. No blanks. */
  paths: readonly string[]
  /** What makes them in a container: a command for root, or when the package does so itself. */
  made: string
}

/**
 * Installed from one image, each container would have the same key, and everybody who has the image would know it. Who
 * needs one makes it where it is needed, in the package's own way. Beside these, apt steps leave out whatever file holds
 * a PEM private key and came in no package.
 */
export const LEFT_OUT: readonly LeftOut[] = [
  {
    package: 'openssh-server',
    kind: 'secret',
    what: "the SSH server's host keys",
    paths: ['etc/ssh/ssh_host_*_key', 'etc/ssh/ssh_host_*_key.pub'],
    made: 'ssh-keygen -A',
  },
  {
    package: 'dropbear-bin',
    kind: 'secret',
    what: "the SSH server's host keys",
    paths: ['etc/dropbear/dropbear_*_host_key', 'etc/dropbear/dropbear_*_host_key.pub'],
    made: 'dropbear -R makes them as it starts',
  },
  {
    package: 'ssl-cert',
    kind: 'secret',
    what: 'the snake-oil certificate and its key',
    paths: ['etc/ssl/private/ssl-cert-snakeoil.key', 'etc/ssl/certs/ssl-cert-snakeoil.pem'],
    made: 'make-ssl-cert generate-default-snakeoil --force-overwrite',
  },
  {
    package: 'dovecot-core',
    kind: 'secret',
    what: 'the certificate of the mail server and its key',
    paths: ['etc/dovecot/private/dovecot.key', 'etc/dovecot/private/dovecot.pem'],
    made: 'make-ssl-cert generate-default-snakeoil --force-overwrite && dpkg-reconfigure dovecot-core',
  },
  {
    package: 'munge',
    kind: 'secret',
    what: "MUNGE's key",
    paths: ['etc/munge/munge.key'],
    made: 'mungekey --create && chown munge: /etc/munge/munge.key; nodes of one cluster share one key',
  },
  {
    package: 'bind9',
    kind: 'secret',
    what: "the key of BIND's control channel",
    paths: ['etc/bind/rndc.key'],
    made: 'rndc-confgen -a && chown bind:bind /etc/bind/rndc.key',
  },
  {
    package: 'unbound',
    kind: 'secret',
    what: "keys and certificates of Unbound's control channel",
    paths: ['etc/unbound/unbound_*.key', 'etc/unbound/unbound_*.pem'],
    made: 'unbound-control-setup',
  },
  {
    package: 'nsd',
    kind: 'secret',
    what: "keys and certificates of NSD's control channel",
    paths: ['etc/nsd/nsd_*.key', 'etc/nsd/nsd_*.pem'],
    made: 'nsd-control-setup',
  },
  {
    package: 'erlang-base',
    kind: 'secret',
    what: "Erlang's cookie",
    paths: ['root/.erlang.cookie', 'var/lib/*/.erlang.cookie'],
    made: 'the first Erlang node makes it as it starts; nodes of one cluster share one',
  },
  {
    package: 'xrdp',
    kind: 'secret',
    what: 'the key of the remote desktop',
    paths: ['etc/xrdp/rsakeys.ini'],
    made: 'xrdp-keygen xrdp /etc/xrdp/rsakeys.ini',
  },
  {
    package: 'open-iscsi',
    kind: 'secret',
    what: "the initiator's name",
    paths: ['etc/iscsi/initiatorname.iscsi'],
    made: 'echo "InitiatorName=$(iscsi-iname)" > /etc/iscsi/initiatorname.iscsi',
  },
  {
    package: 'nvme-cli',
    kind: 'secret',
    what: "the host's name and id for NVMe",
    paths: ['etc/nvme/hostnqn', 'etc/nvme/hostid'],
    made: 'nvme gen-hostnqn > /etc/nvme/hostnqn',
  },
  {
    package: 'popularity-contest',
    kind: 'secret',
    what: "the machine's id in Debian's survey",
    paths: ['etc/popularity-contest.conf'],
    made: 'dpkg-reconfigure popularity-contest',
  },
  {
    package: 'freeradius-config',
    kind: 'secret',
    what: 'parameters of Diffie-Hellman',
    paths: ['etc/freeradius/*/certs/dh'],
    made: 'openssl dhparam -out /etc/freeradius/3.0/certs/dh 2048',
  },
  {
    package: 'courier-base',
    kind: 'secret',
    what: 'parameters of Diffie-Hellman',
    paths: ['etc/courier/dhparams.pem'],
    made: 'mkdhparams && chown root:courier /etc/courier/dhparams.pem',
  },
  {
    package: 'phpmyadmin',
    kind: 'secret',
    what: 'the key of its cookies',
    paths: ['var/lib/phpmyadmin/blowfish_secret.inc.php'],
    made: 'dpkg-reconfigure --frontend noninteractive phpmyadmin',
  },
  {
    package: 'redmine',
    kind: 'secret',
    what: 'the key of its sessions',
    paths: ['etc/redmine/*/secret_key.txt'],
    made: 'dpkg-reconfigure --frontend noninteractive redmine',
  },
  {
    package: 'mariadb-server',
    kind: 'database',
    what: "MariaDB's tables",
    paths: ['var/lib/mysql/*'],
    made: 'mariadb-install-db --user=mysql --skip-test-db',
  },
  {
    package: 'postgresql-common',
    kind: 'database',
    what: "PostgreSQL's first cluster, with its configuration",
    paths: ['var/lib/postgresql/*/*', 'etc/postgresql/*/*', 'var/log/postgresql/*'],
    made: 'pg_createcluster 15 main (the version that is installed)',
  },
  {
    package: 'slapd',
    kind: 'database',
    what: "OpenLDAP's configuration and directory",
    paths: ['etc/ldap/slapd.d/*', 'var/lib/ldap/*'],
    made: 'dpkg-reconfigure --frontend noninteractive slapd',
  },
  {
    package: 'texlive-base',
    kind: 'cache',
    what: 'formats of LuaTeX',
    paths: ['var/lib/texmf/web2c/lua*', 'var/lib/texmf/luatex-cache'],
    made: "the first lualatex makes its format in the user's home; fmtutil-sys --byengine luahbtex for all users",
  },
  {
    package: 'libmono-corlib4.5-cil',
    kind: 'cache',
    what: "Mono's library, compiled ahead of time",
    paths: ['usr/lib/mono/aot-cache'],
    made: 'Mono compiles as it runs; dpkg-reconfigure libmono-corlib4.5-cil compiles it once, where ld is installed',
  },
]

/** The patterns, one a line: what the build's own scripts read. */
export function leftOutPatterns(): string {
  return LEFT_OUT.flatMap(({ paths }) => paths.map((path) => `${path}\n`)).join('')
}
