# Sourced by every step. `begin` records what there is; `finish NAME` scrubs what differs from build to build and
# links what the step changed into /.stillroom/delta/NAME, which the last stage takes as one additive layer.
# With the name `-` (layout: 'flat') nothing is collected: the last stage takes the whole tree.
set -eu
: "${SOURCE_DATE_EPOCH:?the build argument SOURCE_DATE_EPOCH is missing}"
umask 022
export LC_ALL=C HOME=/root DEBIAN_FRONTEND=noninteractive SOURCE_DATE_EPOCH
export PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin
# the order of sets and, with it, of whatever a Python program writes from one
export PYTHONHASHSEED=0 PERL_HASH_SEED=0 PERL_PERTURB_KEYS=0
# TeX shows SOURCE_DATE_EPOCH as the day of today
export FORCE_SOURCE_DATE=1
own=/.stillroom

fail() {
  printf 'stillroom: %s\n' "$*" >&2
  exit 1
}

# `everything EXPRESSION...`: an expression of find that prints, for every path of this file system but what the engine
# mounts and our own. Two programs walk at once: one through directories that have about half of the files of most images.
everything() {
  find / -mindepth 1 -xdev \( -path '/usr/share/*' -o -path '/usr/include/*' \) \( \( "$@" \) -o -true \) -o \
    \( -path /usr -o -path /usr/share -o -path /usr/include \) -o -prune > $own/half &
  find / -mindepth 1 -xdev \( -path $own -o -path /proc -o -path /sys -o -path /dev -o -path /etc/hosts \
    -o -path /etc/resolv.conf -o -path /etc/hostname \) -prune -o \
    \( \( -path /usr/share -o -path /usr/include \) -prune -o -true \) \( "$@" \) || true
  # what goes away meanwhile, as it does where a step left a process behind, is said and no more
  wait $! || true
  cat $own/half
  rm $own/half
}

# Reads lines `OWNER PATH`, parents first, and makes each directory that is not there, for the owner (a numeric id);
# what the base has keeps its owner. A path may hold any white space but a line break.
make_directories() {
  while IFS= read -r line; do
    path=${line#* }
    if [ -d "$path" ]; then continue; fi
    mkdir -p -- "$path"
    chown -- "${line%% *}:${line%% *}" "$path"
  done
}

# A record a path, of what changes with it: `TYPE MODE UID GID [SIZE] TIME... PATH`. A directory's is what the image says
# of it, its time set back as `clamp` does: one that was only touched, or copied up by overlayfs, is as it was. Anything
# else has its ctime, which no program sets. No clock is asked what is newer: it may be set back between two steps.
record() { record_of everything | sort -z -T $own; }

# `record_of FIND [PATH...]`: the records of what a program like find comes by.
record_of() {
  "$@" \( -type d \
    \( -newermt "@$SOURCE_DATE_EPOCH" -printf "d %m %U %G $SOURCE_DATE_EPOCH.0000000000 %p\0" -o -printf 'd %m %U %G %T@ %p\0' \) \
    -o ! -type d -printf "$file_record" \)
}
file_record='%y %m %U %G %s %T@ %C@ %p\0'
# between the fields of lines that are joined; no path that has it in its name is put into such a line
key=$(printf '\001')

begin() {
  mkdir -p $own/delta
  record > $own/before
}

# The records of what is new or changed since `begin`.
changes() {
  record > $own/after
  comm -z -13 $own/before $own/after
}

# `steadily PROGRAM [ARGUMENT...]` runs a program that sees the recipe's time and no machine's (clock.c), as do those that
# it starts. What the step's own scripts do sees the machine's, by which they tell what changed.
steadily() {
  if [ -f $own/clock/clock.so ]; then
    env -u TZ -u LANG -u LANGUAGE LD_PRELOAD="$own/clock/clock.so${LD_PRELOAD:+:$LD_PRELOAD}" "$@"
  else
    "$@"
  fi
}

# The recipe's own cleaning up in the layer of a step that installs.
clean_up() {
  if [ -f $own/step/after.sh ]; then (cd / && steadily sh -eu $own/step/after.sh); fi
}

# The paths of Python sources that are new or changed since `begin`; the rest of the tree is not asked for its attributes.
changed_sources() {
  everything ! -type d -name '*.py' -printf "$file_record" | sort -z -T $own | comm -z -13 $own/before - | sed -z 's|^[^/]*||'
}

# `compile PATTERN`: byte code of the sources that the step brought into Python's directories, their paths of the pattern
# (of grep). By another process than the one that looks for them: what a process holds decides bytes (byte-code.py).
compile() {
  changed_sources > $own/sources
  { grep -z "^$1/" $own/sources || true; } | python3 -S -W ignore $own/build/byte-code.py
  rm $own/sources
}

# `recompile`: makes the byte code again of sources that the step changed, where there was some: Python never looks whether
# it is that of its source.
recompile() {
  if ! command -v python3 > /dev/null; then return; fi
  changed_sources > $own/sources
  if [ -s $own/sources ]; then python3 -S -W ignore $own/build/byte-code.py --present < $own/sources; fi
  rm $own/sources
}

# The paths of a record.
paths() {
  sed -z 's|^[^/]*||' "$1" | sort -z -T $own
}

look_again() {
  record > $own/after
  paths $own/after > $own/paths-after
}

# What no two builds have in common: lists, caches, logs, backups, the day an account was made.
# `scrub ROOT`: the tree's root, empty for this one's.
scrub() {
  root=$1
  rm -rf "$root"/var/lib/apt/lists/* "$root"/var/cache/apt/*.bin "$root"/var/cache/apt/archives/*.deb \
    "$root"/var/cache/ldconfig/aux-cache "$root"/var/cache/debconf/*-old "$root"/var/lib/dpkg/*-old \
    "$root"/var/log/apt/* "$root"/var/log/dpkg.log "$root"/var/log/alternatives.log "$root"/var/log/bootstrap.log \
    "$root"/var/log/fontconfig.log "$root"/var/cache/fontconfig/* "$root"/var/cache/man/* \
    "$root"/etc/passwd- "$root"/etc/group- "$root"/etc/shadow- "$root"/etc/gshadow- "$root"/etc/subuid- "$root"/etc/subgid- \
    "$root"/etc/.pwd.lock "$root"/root/.cache "$root"/root/.wget-hsts "$root"/root/.gnupg/random_seed "$root"/var/lib/systemd/random-seed
  find "$root"/tmp "$root"/var/tmp "$root"/run -xdev -mindepth 1 \( -type f -o -type l -o -type s -o -type p \) -delete
  find "$root"/tmp "$root"/var/tmp -xdev -mindepth 1 -depth -type d -empty -delete
  for id in "$root"/etc/machine-id "$root"/var/lib/dbus/machine-id; do
    if [ -s "$id" ] && [ ! -L "$id" ]; then : > "$id"; fi
  done
  if [ -f "$root"/etc/shadow ]; then
    day=$((SOURCE_DATE_EPOCH / 86400))
    sed -E "s/^([^:]*:[^:]*:)[0-9]+:/\\1$day:/" "$root"/etc/shadow > $own/shadow
    cmp -s $own/shadow "$root"/etc/shadow || cat $own/shadow > "$root"/etc/shadow
    rm $own/shadow
  fi
}

# No file is newer than the sources it came from.
clamp() {
  find "$1" -xdev -newermt "@$SOURCE_DATE_EPOCH" -print0 | xargs -0 -r touch -h -d "@$SOURCE_DATE_EPOCH" --
}

# Only what the step made: logs that build systems write beside what they build, with the random names of trials, times, and
# orders of parallel jobs in them, which nothing reads but a build system that goes on and makes them again; and byte code
# of PyPy, which depends on when it collected garbage, and which it can do without.
drop_chance() {
  comm -z -13 $own/paths-before $own/paths-after > $own/made
  {
    grep -zE '/__pycache__/[^/]*\.pypy[0-9]+(\.opt-[0-9])?\.pyc$' $own/made || true
    grep -zE '/(CMakeFiles/(CMakeOutput\.log|CMakeError\.log|CMakeConfigureLog\.yaml)|\.ninja_(log|deps)|meson-logs/[^/]*)$' $own/made || true
    { grep -z '/config\.log$' $own/made || true; } |
      { xargs -0 -r grep -lsZ '^This file contains any messages produced by compilers' -- || true; }
  } > $own/chance
  if [ -s $own/chance ]; then
    xargs -0 rm -f -- < $own/chance
    # directories that had nothing else in them
    sed -zn 's|/[^/]*\.pyc$||p' $own/chance | sort -zu -T $own | xargs -0 -r rmdir --ignore-fail-on-non-empty --
    look_again
  fi
  rm -f $own/made $own/chance
}

# A directory that has the entries that it had has its time back: whether a program made a file in it for a moment may
# depend on chance, and is nothing that an image shows.
settle() {
  comm -z -3 $own/paths-before $own/paths-after | sed -z 's|^\t||; s|/[^/]*$||' | sort -zu -T $own > $own/parents
  comm -z -23 $own/before $own/after | directories_by_path | join -z -t "$key" -v 1 - $own/parents > $own/settled
  if [ -s $own/settled ]; then
    # shellcheck disable=SC2016 # the inner shell's own
    xargs -0 sh -c '
      key=$1
      shift
      for record do touch -c -h -d "@${record##* }" -- "${record%%"$key"*}"; done' sh "$key" < $own/settled
    # the records of these anew, where they are directories still
    sed -z "s|$key.*||" $own/settled > $own/settled-paths
    comm -z -13 $own/before $own/after | directories_by_path | join -z -t "$key" - $own/settled-paths |
      sed -z "s|^\\([^$key]*\\)$key\\(.*\\)|\\2 \\1|" | sort -z -T $own > $own/stale
    # shellcheck disable=SC2016 # the inner shell's own
    xargs -0 sh -c '
      . /.stillroom/build/layer.sh
      for path do
        shift
        if [ -d "$path" ] && [ ! -L "$path" ]; then set -- "$@" "$path"; fi
      done
      if [ $# -gt 0 ]; then record_of find "$@" -maxdepth 0; fi' sh < $own/settled-paths | sort -z -T $own > $own/fresh
    comm -z -23 $own/after $own/stale | sort -zm -T $own - $own/fresh > $own/now
    mv $own/now $own/after
    rm $own/settled-paths $own/stale $own/fresh
  fi
  rm $own/parents $own/settled
}

# Of the records of directories, each path with the rest of its record, separated by the key and sorted by path.
directories_by_path() { grep -zv "$key" | sed -zn "/^d /s|^\\([^/]*\\) \\(/.*\\)\$|\\2$key\\1|p" | sort -z -T $own -t "$key" -k 1,1; }

# The paths of a record that are no directories, or that are.
files_in() { sed -zn '/^d /!s|^[^/]*||p' "$1"; }
directories_in() { sed -zn '/^d /s|^[^/]*||p' "$1"; }

# Paths of directories with all above them, without the first slash.
with_parents() { sed -zn 's|^/||; :up; /./p; s|/[^/]*$||; t up' | sort -zu -T $own; }

# `new_directories RECORDS`: those that were not there before. What is in them is new, too. Not where programs lie that are
# still to run, and not /etc, in which the engine mounts files.
new_directories() {
  if grep -zq "$key" "$1"; then return; fi
  for program in mv tar find xargs touch rm sh; do readlink -f "$(command -v $program)"; done |
    sed 's|/[^/]*$||' | tr '\n' '\0' | with_parents | sed -z 's|^|/|' > $own/needed
  directories_in "$1" | sort -z -T $own | comm -z -23 - $own/paths-before | comm -z -23 - $own/needed | sed -z '/^\/etc$/d'
  rm $own/needed
}

# `outside DIRECTORIES`: of paths, those that do not lie in one of these.
outside() {
  if [ -s "$1" ]; then
    sed -z "s|/[^/]*\$|$key&|" | sort -z -T $own -t "$key" -k 1,1 | join -z -t "$key" -v 1 - "$1" | tr -d "$key"
  else
    cat
  fi
}

# collect DIRECTORY RECORDS NEW: brings every path of the records into the directory, with the directories above it. A new
# directory is moved as a whole, which takes the kernel no longer for many files than for one; anything else is linked.
collect() {
  mkdir -p "$1"
  cd /
  files_in "$2" | outside "$3" > $own/linked
  # shellcheck disable=SC2094 # both read
  outside "$3" < "$3" > $own/moved
  sed -z 's|^/||' $own/linked | xargs -0 -r cp -al --parents -t "$1" --
  { sed -z 's|/[^/]*$||' $own/linked; directories_in "$2" | outside "$3"; } | with_parents |
    tar --null --no-recursion -T - -cf $own/directories
  tar -C "$1" --delay-directory-restore -xpf $own/directories
  if [ -s $own/moved ]; then
    # shellcheck disable=SC2016 # the inner shell's own
    xargs -0 sh -euc 'for path do mv -T "$path" "$0$path"; done' "$1" < $own/moved
    # the times of what they were moved into
    tar -C "$1" --delay-directory-restore -xpf $own/directories
  fi
  clamp "$1"
  rm $own/linked $own/moved $own/directories
}

finish() {
  delta=$own/delta/$1
  scrub ''
  paths $own/before > $own/paths-before
  look_again
  drop_chance
  settle
  if [ "$1" = - ]; then return; fi
  comm -z -13 $own/before $own/after > $own/changed
  comm -z -23 $own/paths-before $own/paths-after > $own/deleted
  if [ -s $own/deleted ]; then
    tr '\0' '\n' < $own/deleted | head -n 20 >&2
    fail "step $1 deletes the files above, which an earlier layer holds; set layout: 'flat' in the recipe"
  fi
  new_directories $own/changed > $own/new
  collect "$delta" $own/changed $own/new
  rm -f $own/before $own/after $own/changed $own/deleted $own/new $own/paths-*
}
