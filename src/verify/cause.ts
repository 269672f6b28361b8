/** Why two builds of one recipe differ, with what to change; docs/causes.md has a section for each. */
export type CauseId = keyof typeof CAUSES

/** A cause, with what speaks for it. */
export interface NamedCause {
  cause: CauseId
  /** One sentence, without a period at its end. */
  evidence: string
}

export interface Cause {
  title: string
  /** What to change in the recipe. */
  advice: string
}

/** In the order in which a report lists them: the surest first. */
export const CAUSES = {
  timestamp: {
    title: 'the time of the build',
    advice:
      'take the time from SOURCE_DATE_EPOCH (date -u -d "@$SOURCE_DATE_EPOCH"), or leave it out; set the time of a file back with touch -d',
  },
  'gzip-time': {
    title: 'the time in a gzip header',
    advice: 'compress with gzip -n (Python: mtime=0), which leaves name and time out of the header',
  },
  'compiled-date': {
    title: '__DATE__ or __TIME__ compiled in',
    advice:
      'hand SOURCE_DATE_EPOCH to a compiler that heeds it (gcc, clang), or define the macros: -Wno-builtin-macro-redefined -D__DATE__= -D__TIME__=',
  },
  'archive-metadata': {
    title: 'times, owners or order of members in an archive',
    advice:
      'pack with tar --sort=name --mtime="@$SOURCE_DATE_EPOCH" --owner=0 --group=0 --numeric-owner; zip with -X after touch -d, the names sorted',
  },
  log: {
    title: 'a log',
    advice: 'delete it at the end of the same step, or configure the program not to write one',
  },
  cache: {
    title: 'a cache',
    advice: 'delete it at the end of the same step: it is made again when needed',
  },
  'byte-code': {
    title: 'Python byte code that depends on the build',
    advice:
      'compile with --invalidation-mode unchecked-hash, or set PYTHONDONTWRITEBYTECODE=1 for the command, or delete __pycache__ in the same step',
  },
  'machine-identity': {
    title: 'the identity of a machine',
    advice:
      'leave it empty or delete it in the same step, so that each container makes its own at its first start',
  },
  'account-file': {
    title: 'files of user accounts',
    advice:
      "make users by the recipe's user, or with fixed ids; lock passwords, or give one hash with a fixed salt (chpasswd -e); order and dates come from the order of commands",
  },
  'package-manager-state': {
    title: 'the state of a package manager',
    advice:
      'install by the apt and pip steps, which clean up; else delete lists, logs and backups in the same step',
  },
  'temporary-file': {
    title: 'a temporary file or its random name',
    advice:
      'delete it in the same step, and let no program write its name down: give it a fixed path instead of mktemp',
  },
  uuid: {
    title: 'a random UUID',
    advice:
      'use a fixed UUID, or one made of a name (version 5); leave it to the first start when each container needs its own',
  },
  'random-id': {
    title: 'a random value',
    advice:
      'use a fixed value, or seed the generator; a key or a salt belongs to the first start, not into the image',
  },
  locale: {
    title: 'an order that depends on the locale',
    advice: 'sort with LC_ALL=C',
  },
  'hash-order': {
    title: 'the order of a hash table',
    advice:
      'sort before writing (Python: sorted(), sort_keys=True; Perl: sort keys), or fix the seed: PYTHONHASHSEED=0, PERL_HASH_SEED=0',
  },
  order: {
    title: 'an order that is left to chance',
    advice:
      'sort what comes from a directory, from parallel jobs or from threads before writing it: find ... | LC_ALL=C sort',
  },
  cpu: {
    title: 'the CPU of the builder',
    advice:
      'compile for a fixed CPU (-march=x86-64-v2 instead of -march=native), and fix numbers of jobs and threads',
  },
  'build-path': {
    title: 'the directory of the build',
    advice: 'build in a fixed directory, or map it: -ffile-prefix-map=DIRECTORY=.',
  },
  package: {
    title: 'a package that only one image has',
    advice: 'compare the lockfiles of the images (stillroom diff lock), or look which step installs it',
  },
  'other-version': {
    title: 'another version',
    advice:
      'the images were made from different versions: compare their lockfiles (stillroom diff lock), pin the version',
  },
  'other-upstream': {
    title: 'other bytes from upstream under the same version',
    advice:
      'compare the digest with the lockfile; when upstream replaced a release, lock again after looking at what changed',
  },
  permissions: {
    title: 'mode, owner or attributes',
    advice:
      'set them in the same step with chmod, chown (numbers) or install -m; set the umask at its beginning',
  },
  'hard-links': {
    title: 'hard links',
    advice:
      'copy with cp -a or tar, which keep them, or link by a command of the step, not by a tool that links what happens to be the same',
  },
  configuration: {
    title: 'the configuration of the image',
    advice:
      'compare the recipes (env, labels, user, entrypoint) and the versions of stillroom that made the Dockerfiles',
  },
  packaging: {
    title: 'the packaging of the same files',
    advice:
      'nothing in the image differs; builders write layers in different ways: name the builder, or accept it as equivalent',
  },
  unknown: {
    title: 'unknown',
    advice: 'look at the difference below and at the step that writes the file',
  },
} as const satisfies Record<string, Cause>

/** All ids, in the order of {@link CAUSES}. */
export const CAUSE_IDS = Object.keys(CAUSES) as CauseId[]
