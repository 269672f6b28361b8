# Sourced by every step. `begin` marks the time; `finish NAME` scrubs what differs from build to build and
# links what the step changed into /.stillroom/delta/NAME, which the last stage takes as one additive layer.
# With the name `-` (layout: 'flat') nothing is collected: the last stage takes the whole tree.
set -eu
: "${SOURCE_DATE_EPOCH:?the build argument SOURCE_DATE_EPOCH is missing}"
umask 022
export LC_ALL=C HOME=/root DEBIAN_FRONTEND=noninteractive SOURCE_DATE_EPOCH
export PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin
# the order of sets and, with it, of whatever a Python program writes from one
export PYTHONHASHSEED=0
own=/.stillroom

fail() {
  printf 'stillroom: %s\n' "$*" >&2
  exit 1
}

# every path of this file system but what the engine mounts and our own
everything() {
  find / -mindepth 1 -xdev \( -path $own -o -path /proc -o -path /sys -o -path /dev -o -path /etc/hosts \
    -o -path /etc/resolv.conf -o -path /etc/hostname \) -prune -o "$@"
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

begin() {
  mkdir -p $own/delta
  everything -print0 | sort -z -T $own > $own/before
  : > $own/mark
  sleep 0.05 # longer than a tick of the clock that stamps ctime: all that follows is newer than the mark
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
    "$root"/etc/.pwd.lock "$root"/root/.cache "$root"/root/.wget-hsts "$root"/var/lib/systemd/random-seed
  find "$root"/tmp "$root"/var/tmp "$root"/run -xdev -mindepth 1 \( -type f -o -type l -o -type s -o -type p \) -delete
  find "$root"/tmp "$root"/var/tmp -xdev -mindepth 1 -depth -type d -empty -delete
  for id in "$root"/etc/machine-id "$root"/var/lib/dbus/machine-id; do
    if [ -s "$id" ] && [ ! -L "$id" ]; then : > "$id"; fi
  done
  if [ -f "$root"/etc/shadow ]; then
    day=$((SOURCE_DATE_EPOCH / 86400))
    sed -E "s/^([^:]*:[^:]*:)[0-9]+:/\\1$day:/" "$root"/etc/shadow > "$root"/etc/.shadow
    cmp -s "$root"/etc/.shadow "$root"/etc/shadow || cat "$root"/etc/.shadow > "$root"/etc/shadow
    rm "$root"/etc/.shadow
  fi
}

# No file is newer than the sources it came from.
clamp() {
  find "$1" -xdev -newermt "@$SOURCE_DATE_EPOCH" -print0 | xargs -0 -r touch -h -d "@$SOURCE_DATE_EPOCH" --
}

# Links every path that the rest of the arguments (tests of find) select into the directory $1.
collect() {
  directory=$1
  shift
  mkdir -p "$directory"
  cd /
  everything ! -type d "$@" -printf '%P\0' | xargs -0 -r cp -al --parents -t "$directory" --
  everything -type d "$@" -printf '%P\0' |
    tar --null --no-recursion -T - -cf - | tar -C "$directory" -xpf -
  clamp "$directory"
}

finish() {
  delta=$own/delta/$1
  scrub ''
  if [ "$1" = - ]; then return; fi
  everything -print0 | sort -z -T $own > $own/after
  comm -z -23 $own/before $own/after > $own/deleted
  if [ -s $own/deleted ]; then
    tr '\0' '\n' < $own/deleted | head -n 20 >&2
    fail "step $1 deletes the files above, which an earlier layer holds; set layout: 'flat' in the recipe"
  fi
  collect "$delta" -cnewer $own/mark
  rm -f $own/before $own/after $own/deleted $own/mark
}
