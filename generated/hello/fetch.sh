#!/bin/sh
# Fills artifacts/ with every file that artifacts.tsv names, each verified by size and sha256.
set -eu

usage() {
  cat <<'USAGE'
usage: ./fetch.sh [--help]

Fills artifacts/ beside this program with the files of artifacts.tsv, so that `docker buildx build` works here.
What is there already and right is kept; what the table does not name is removed from artifacts/.

Where files come from, as environment variables (several URLs parted by spaces):
  STILLROOM_DEBIAN           roots of Debian mirrors, such as https://mirror.example.org/debian
  STILLROOM_DEBIAN_SECURITY  roots of the security archive; when unset, beside each STILLROOM_DEBIAN
                             that ends in /debian, with -security added
  STILLROOM_SNAPSHOT         root of a snapshot service: it has what mirrors have no more, below archive/; none: no service
  STILLROOM_OLD_RELEASES     root of an archive of old releases, which has debian and debian-security; none: no archive
  PIP_INDEX_URL              root of a Python package index (simple API); PIP_EXTRA_INDEX_URL: more of them
What is unset is taken from the machine's own apt sources and pip configuration. What no mirror has is asked from Debian's own
services, beside the home page that its base-files (of artifacts/, or of this machine) names. Downloads come from the address in the
table, files of git repositories from theirs, by git with its own set-up (ssh agent, credential helper, insteadOf).

Needs curl or wget; sha256sum, shasum or openssl; dpkg-deb, or xz and gzip; git for files of projects and repositories.
Exit code: 0 all files are there; 1 some are not, listed at the end; 2 wrong usage.
USAGE
}

case $# in
  0) ;;
  *)
    case $1 in
      -h | --help) usage && exit 0 ;;
    esac
    usage >&2
    exit 2
    ;;
esac

export LC_ALL=C
umask 022
case $0 in
  */*) cd -- "${0%/*}" ;;
esac
tab=$(printf '\t')
workers='1 2 3 4'
snapshot_root='/archive/debian(-security)?/[0-9]+T[0-9]+Z$'

say() { printf 'fetch.sh: %s\n' "$*" >&2; }

die() {
  say "$@"
  exit 1
}

have() { command -v "$1" > /dev/null 2>&1; }

# --- reading and verifying -------------------------------------------------------------------------------------------

digest_of() {
  if have sha256sum; then
    sha256sum < "$1"
  elif have shasum; then
    shasum -a 256 < "$1"
  else
    openssl dgst -sha256 -r < "$1"
  fi | cut -c 1-64
}

size_of() { echo $(($(wc -c < "$1"))); }

# is_right FILE SHA256 SIZE
is_right() { [ -f "$1" ] && [ "$(size_of "$1")" = "$3" ] && [ "$(digest_of "$1")" = "$2" ]; }

# A URL as it may be shown: without what logs in.
show() { printf '%s\n' "$1" | sed 's|//[^/?# ]*@|//***@|g; s|[?].*|?***|'; }

# Rows of files that are downloaded one by one.
downloads() { rows debian && rows pypi && rows url; }

# Rows of one kind, without the comment at the head of the table.
rows() { awk -F '\t' -v kind="$1" '!/^#/ && $3 == kind' artifacts.tsv; }

# --- where files come from -------------------------------------------------------------------------------------------

# Binary entries of apt's sources for a Debian suite, one a line: archive, root.
apt_roots() {
  list=/etc/apt/sources.list parts=/etc/apt/sources.list.d
  if have apt-config; then
    eval "$(apt-config shell list Dir::Etc::sourcelist/f parts Dir::Etc::sourceparts/d)"
  fi
  for file in "$list" "${parts%/}"/*.list "${parts%/}"/*.sources; do
    [ -r "$file" ] || continue
    case $file in
      *.sources) format=deb822 ;;
      *) format=list ;;
    esac
    awk -v format="$format" '
      function entry(uris, suites, components,    u, s, i, j, archive) {
        if (" " components " " !~ / main /) return
        split(uris, u, " ")
        split(suites, s, " ")
        for (i in s) {
          if (s[i] !~ /^(stretch|buster|bullseye|bookworm|trixie|forky|sid|(old)*stable|testing|unstable)(-updates|-backports|-proposed-updates|-security|\/updates)?$/) continue
          archive = s[i] ~ /-security$|\/updates$/ ? "debian-security" : "debian"
          for (j in u) if (u[j] ~ /^https?:\/\//) { sub(/\/+$/, "", u[j]); print archive, u[j] }
        }
      }
      function stanza() {
        if (" " field["types"] " " ~ / deb / && tolower(field["enabled"]) !~ /^ *no *$/)
          entry(field["uris"], field["suites"], field["components"])
        split("", field)
      }
      { sub(/\r$/, "") }
      format == "list" {
        if ($0 !~ /^[ \t]*deb[ \t]/) next
        sub(/#.*/, "")
        sub(/^[ \t]*deb[ \t]+(\[[^]]*\][ \t]*)?/, "")
        components = ""
        for (n = 3; n <= NF; n++) components = components " " $n
        entry($1, $2, components)
        next
      }
      /^#/ { next }
      /^[ \t]*$/ { stanza(); next }
      /^[ \t]/ { $1 = $1; field[name] = field[name] " " $0; next }
      {
        colon = index($0, ":")
        name = tolower(substr($0, 1, colon - 1))
        field[name] = " " substr($0, colon + 1)
        gsub(/[ \t]+/, " ", field[name])
      }
      END { if (format == "deb822") stanza() }
    ' "$file"
  done | sort -u
}

# debian_roots ARCHIVE: roots of its live mirrors, one a line; the first place that knows the archive decides.
debian_roots() {
  security=${STILLROOM_DEBIAN_SECURITY-}
  for root in ${STILLROOM_DEBIAN-}; do
    case ${root%/} in
      */debian) [ -n "${STILLROOM_DEBIAN_SECURITY-}" ] || security="$security ${root%/}-security" ;;
    esac
  done
  case $1 in
    debian) chosen=${STILLROOM_DEBIAN-} ;;
    *) chosen=$security ;;
  esac
  if [ -z "${chosen# }" ]; then
    # the usual place, a path that ends in the archive's name, comes first
    chosen=$(awk -v archive="$1" -v snapshot="$snapshot_root" '
      $2 ~ snapshot { next }
      $1 == archive { if ($2 ~ "/" archive "$") print $2; else other = other $2 "\n" }
      $1 == "debian" && $2 ~ /\/debian$/ { sibling = sibling $2 "-security\n" }
      $1 == archive { found = 1 }
      END { printf "%s", other; if (!found && archive == "debian-security") printf "%s", sibling }
    ' "$work/apt")
  fi
  for root in $chosen; do printf '%s\n' "${root%/}"; done
}

# The home page of Debian as its own package says it: the one among the artifacts, or that of this machine.
home_page() {
  rows debian | while IFS=$tab read -r sha256 size kind origin path destination; do
    case $destination in
      artifacts/base/base-files_*) ;;
      *) continue ;;
    esac
    is_right "$destination" "$sha256" "$size" || continue
    data_tar "$destination" 2> /dev/null | tar -xOf - ./usr/lib/os-release 2> /dev/null
    echo
  done > "$work/os-release"
  if ! grep -q '^HOME_URL=' "$work/os-release" && grep -qx 'ID=debian' /etc/os-release 2> /dev/null; then
    cat /etc/os-release > "$work/os-release"
  fi
  sed -n 's|^HOME_URL="*\(https*\)://www\.\([A-Za-z0-9.:-]*\).*|\1 \2|p' "$work/os-release"
}

# service NAME: the root of a service that is a neighbour of that page in its domain; nothing when no page is known, or the
# service does not answer: it would be asked for each file.
service() {
  home_page | while read -r scheme domain; do
    root=$scheme://$1.$domain
    if answers "$root/" 2> "$work/why.service"; then
      printf '%s\n' "$root"
    else
      say "$root does not answer, and is not asked: $(tr '\n' ' ' < "$work/why.service")"
    fi
  done
}

answers() {
  if [ "$tool" = curl ]; then
    curl --silent --show-error --globoff --connect-timeout 20 --max-time 40 --output /dev/null "$1"
  else
    wget -q -t 1 -T 20 -O /dev/null "$1" || [ $? = 8 ]
  fi
}

# Whether something may be found at services that nobody has set.
has_default() {
  case ${STILLROOM_SNAPSHOT-}+${STILLROOM_OLD_RELEASES-} in
    none+none) return 1 ;;
  esac
  [ -n "$(home_page)" ]
}

# find_services [DEFAULT]: where what mirrors have no more is asked for: into old-ARCHIVE, its roots in the snapshot service as
# the archive was when locked, the latest first, and among old releases. Without DEFAULT, those that are set or that apt has.
find_services() {
  snapshot=${STILLROOM_SNAPSHOT-}
  [ -n "$snapshot" ] || snapshot=$(awk -v snapshot="$snapshot_root" '
    $2 ~ snapshot { sub(snapshot, "", $2); print $2 }' "$work/apt" | sort -u)
  [ -n "$snapshot" ] || [ $# = 0 ] || snapshot=$(service snapshot)
  releases=${STILLROOM_OLD_RELEASES-}
  [ -n "$releases" ] || [ $# = 0 ] || releases=$(service archive)
  [ "$snapshot" != none ] || snapshot=
  [ "$releases" != none ] || releases=
  for archive in debian debian-security; do
    for root in $snapshot; do
      awk -v archive="$archive" '$1 == archive { print $2 }' base/sources.txt | sort -ru | while read -r time; do
        printf '%s/archive/%s/%s\n' "${root%/}" "$archive" "$time"
      done
    done > "$work/old-$archive"
    for root in $releases; do printf '%s/%s\n' "${root%/}" "$archive"; done >> "$work/old-$archive"
  done
}

# Roots of Python package indexes, one a line.
pip_indexes() {
  set -f
  main=${PIP_INDEX_URL-}
  extra=${PIP_EXTRA_INDEX_URL-}
  for python in python3 python; do
    have "$python" || continue
    [ -n "$main" ] || main=$("$python" -m pip config get global.index-url 2> /dev/null) || main=
    [ -n "$extra" ] || extra=$("$python" -m pip config get global.extra-index-url 2> /dev/null) || extra=
    [ -n "$main" ] || main=$("$python" -c \
      'from pip._internal.models.index import PyPI; print(PyPI.simple_url)' 2> /dev/null) || main=
  done
  for root in $main $extra; do printf '%s\n' "${root%/}"; done
  set +f
}

# --- fetching --------------------------------------------------------------------------------------------------------

# get URL FILE [BUNDLE]: one download, tried three times; the reason of a failure in FILE.why, in FILE.url the address
# after redirects. BUNDLE: certificates to trust.
get() {
  attempt=1
  while :; do
    code=0
    get_once "$@" 2> "$2.why" || code=$?
    [ "$code" != 0 ] || return 0
    # the server has answered, and says no
    case $tool$code in
      curl22 | wget8) return 1 ;;
    esac
    [ "$attempt" -lt 3 ] || return 1
    sleep "$attempt"
    attempt=$((attempt + 1))
  done
}

get_once() {
  printf '%s\n' "$1" > "$2.url"
  if [ "$tool" = curl ]; then
    # the address by standard input: a list of processes shows arguments
    printf 'url = "%s"\n' "$(printf '%s' "$1" | sed 's/[\\"]/\\&/g')" > "$2.curl"
    curl --config "$2.curl" --fail --silent --show-error --location --globoff --retry 3 --connect-timeout 30 \
      --speed-limit 1 --speed-time 60 ${3:+--cacert "$3"} --header 'Accept: text/html, */*;q=0.5' \
      --output "$2" --write-out '%{url_effective}\n' > "$2.url" &
  else
    wget ${literal:+"$literal"} -q -T 60 ${3:+--ca-certificate="$3"} --header='Accept: text/html, */*;q=0.5' -O "$2" "$1" &
  fi
  child=$!
  outcome=0
  wait "$child" || outcome=$?
  child=
  return "$outcome"
}

# find_link PAGE URL FILE SHA256: the address of a file in a page of the simple API (PEP 503), by its digest or name.
find_link() {
  awk -v page="$2" -v file="$3" -v sha256="$4" '
    function decode(text,    out, at, hex) {
      while ((at = match(text, /%[0-9A-Fa-f][0-9A-Fa-f]/)) > 0) {
        hex = tolower(substr(text, at + 1, 2))
        out = out substr(text, 1, at - 1) sprintf("%c", 16 * (index(digits, substr(hex, 1, 1)) - 1) + index(digits, substr(hex, 2, 1)) - 1)
        text = substr(text, at + 3)
      }
      return out text
    }
    function attribute(tag, name,    at, quote, value) {
      at = match(tolower(tag), "[ \t\r\n]" name "[ \t\r\n]*=[ \t\r\n]*")
      if (at == 0) return ""
      value = substr(tag, at + RLENGTH)
      quote = substr(value, 1, 1)
      if (quote == "\"" || quote == "\047") { value = substr(value, 2); value = substr(value, 1, index(value, quote) - 1) }
      else sub(/[ \t\r\n>].*/, "", value)
      gsub(/&#38;|&#x26;|&amp;/, "\\&", value)
      gsub(/&quot;/, "\"", value)
      gsub(/&#43;|&#x2[bB];|&plus;/, "+", value)
      return value
    }
    # RFC 3986, 5.2
    function resolve(base, link,    scheme, host, path, parts, n, i, kept, m) {
      if (link ~ /^[A-Za-z][A-Za-z0-9+.-]*:/) return link
      scheme = base; sub(/:.*/, "", scheme)
      if (link ~ /^\/\//) return scheme ":" link
      sub(/^[^:]*:\/\//, "", base); sub(/[?#].*/, "", base)
      host = base; sub(/\/.*/, "", host)
      path = substr(base, length(host) + 1); sub(/[^\/]*$/, "", path)
      if (link !~ /^\//) link = (path == "" ? "/" : path) link
      n = split(link, parts, "/")
      m = 0
      for (i = 2; i <= n; i++) {
        if (parts[i] == ".." ) { if (m > 0) m--; if (i == n) kept[++m] = "" }
        else if (parts[i] != "." || i == n) kept[++m] = parts[i] == "." ? "" : parts[i]
      }
      link = ""
      for (i = 1; i <= m; i++) link = link "/" kept[i]
      return scheme "://" host link
    }
    BEGIN { RS = "<"; digits = "0123456789abcdef" }
    /^[bB][aA][sS][eE][ \t\r\n]/ && (value = attribute($0, "href")) != "" { page = resolve(page, value) }
    /^[aA][ \t\r\n]/ {
      value = attribute($0, "href")
      at = index(value, "#")
      fragment = at ? substr(value, at + 1) : ""
      if (at) value = substr(value, 1, at - 1)
      if (value == "") next
      if (index("&" fragment "&", "&sha256=" sha256 "&")) { right = resolve(page, value); exit }
      name = value; sub(/[?].*/, "", name); sub(/.*\//, "", name)
      if (decode(name) == file && named == "") named = resolve(page, value)
    }
    END { if (right != "") print right; else if (named != "") print named }
  ' "$1"
}

# with_login URL ROOT: the URL with ROOT's user part, when it is on the same host.
with_login() {
  case $2 in
    *://*@*)
      scheme=${2%%://*}
      rest=${2#*://}
      host=${rest%%/*}
      case $1 in
        "$scheme://${host##*@}"/*) printf '%s\n' "$scheme://${host%@*}@${1#*://}" && return ;;
      esac
      ;;
  esac
  printf '%s\n' "$1"
}

# places KIND SOURCE PATH SHA256 FILE: addresses to try, in order; what cannot be asked is noted in FILE.note.
places() {
  case $1 in
    debian)
      # a plus sign too: stores that take addresses for forms read it as a space
      path=$(printf '%s\n' "$3" | sed 's/%/%25/g; s/+/%2B/g')
      cat "$work/roots-$2" "$work/old-$2" 2> /dev/null | while read -r root; do printf '%s/%s\n' "$root" "$path"; done
      ;;
    pypi)
      # a project of an index of its own is named by the address of its page there
      case $2 in
        *://*) printf '%s\n' "$2" ;;
        *) sed "s|\$|/$2/|" "$work/indexes" ;;
      esac > "$5.pages"
      while read -r index; do
        if ! get "$index" "$5.page" "${PIP_CERT-}"; then
          printf '%s: %s\n' "$(show "$index")" "$(reason "$5.page")" >> "$5.note"
          continue
        fi
        link=$(find_link "$5.page" "$(cat "$5.page.url")" "$3" "$4")
        if [ -n "$link" ]; then
          with_login "$link" "$index"
        else
          printf '%s: the page does not name the file\n' "$(show "$index")" >> "$5.note"
        fi
      done < "$5.pages"
      ;;
    url)
      # an archive of packages that keeps its earlier states has a file there, too
      printf '%s\n' "$2"
      [ "$3" = - ] || printf '%s\n' "$3" | tr ' ' '\n'
      ;;
  esac
}

# Why a download failed, on one line.
reason() {
  text=$(tr '\n' ' ' < "$1.why")
  show "${text:-no answer}"
}

# fetch SHA256 SIZE KIND SOURCE PATH DESTINATION: on failure, what was expected and got goes to FILE.note.
fetch() {
  part=$work/part.$worker
  rm -f "$part" "$part".*
  : > "$part.note"
  bundle=
  [ "$3" != pypi ] || bundle=${PIP_CERT-}
  places "$3" "$4" "$5" "$1" "$part" > "$part.places"
  while read -r url <&3; do
    rm -f "$part"
    if ! get "$url" "$part" "$bundle" < /dev/null; then
      printf '%s: %s\n' "$(show "$url")" "$(reason "$part")" >> "$part.note"
    elif is_right "$part" "$1" "$2"; then
      mkdir -p "${6%/*}"
      mv -f "$part" "$6"
      return 0
    else
      size=$(size_of "$part")
      cause='replaced at the source, or changed on the way'
      [ "$size" -ge "$2" ] || cause='cut short, or replaced at the source'
      printf '%s: got sha256 %s, %s bytes (%s)\n' "$(show "$url")" "$(digest_of "$part")" "$size" "$cause" >> "$part.note"
    fi
  done 3< "$part.places"
  [ -s "$part.places" ] || [ -s "$part.note" ] || echo 'no place is known that has it' >> "$part.note"
  {
    printf '  %s: %s\n    expected sha256 %s, %s bytes, from %s %s\n' "$(package "$3" "$4" "$6")" "$6" "$1" "$2" "$3" "$(show "$4")"
    sed 's/^/    /' "$part.note"
  } >> "$work/failed.$worker"
}

# package KIND SOURCE FILE
package() {
  case $1 in
    debian) printf '%s\n' "$3" | sed 's|.*/||; s|_.*||' ;;
    url) show "$2" ;;
    *) printf '%s\n' "$2" ;;
  esac
}

# Every fourth row of what is missing.
work_off() {
  worker=$1 child=
  trap 'kill $child 2> /dev/null; exit 143' TERM
  awk -v worker="$worker" 'NR % 4 == worker % 4' "$work/missing" > "$work/share.$worker"
  while IFS=$tab read -r sha256 size kind origin path destination <&4; do
    fetch "$sha256" "$size" "$kind" "$origin" "$path" "$destination"
    [ ! -f "$destination" ] || say "$destination"
  done 4< "$work/share.$worker"
}

# --- what is made from them ------------------------------------------------------------------------------------------

# data_tar DEB: its data member as a plain tar, on standard output (deb(5): an ar archive; ar headers are 60 bytes, the
# size in decimal at 48, contents padded to an even length).
data_tar() {
  # busybox has a dpkg-deb that cannot
  case $(dpkg-deb --help 2>&1 || :) in
    *--fsys-tarfile*)
      dpkg-deb --fsys-tarfile "$1"
      return
      ;;
  esac
  end=$(size_of "$1")
  offset=8
  while [ "$offset" -lt "$end" ]; do
    header=$(dd if="$1" bs=1 skip="$offset" count=60 2> /dev/null)
    member=$(printf '%.16s' "$header" | sed 's|[/ ]*$||')
    length=$(printf '%s' "$header" | cut -c 49-58 | tr -d ' ')
    case $length in
      '' | *[!0-9]*) break ;;
    esac
    case $member in
      data.tar) tail -c +$((offset + 61)) "$1" | head -c "$length" && return ;;
      data.tar.gz) tail -c +$((offset + 61)) "$1" | head -c "$length" | gzip -d && return ;;
      data.tar.xz) tail -c +$((offset + 61)) "$1" | head -c "$length" | xz -d && return ;;
    esac
    offset=$((offset + 60 + length + length % 2))
  done
  say "$1 has no data member that dpkg-deb, xz or gzip could unpack"
  return 1
}

# git_tree TREE: a tar, on standard output, of a tree of the repository that this directory lies in; attributes and
# filters of the repository or the user change nothing in it.
git_tree() {
  have git || { say 'git is missing'; return 1; }
  git cat-file -e "$1^{tree}" 2> /dev/null ||
    { say "the repository here does not have the tree $1 (a shallow clone: git fetch --unshallow)"; return 1; }
  objects=$(git rev-parse --git-path objects) || return
  objects=$(cd -- "$objects" && pwd) || return
  bare_repository "$1" || return
  GIT_DIR=$work/git GIT_OBJECT_DIRECTORY=$objects git -c tar.umask=0022 archive --format=tar "$1"
}

# bare_repository ID: an empty one for objects with ids like this, in which no attribute changes a file.
bare_repository() {
  # git before 2.29 knows one format only, and not the option
  format=
  case ${#1} in
    64) format=--object-format=sha256 ;;
  esac
  rm -rf "$work/git"
  git init --quiet --bare ${format:+"$format"} "$work/git" || return
  mkdir -p "$work/git/info"
  echo '* -export-ignore -export-subst -text -eol -ident -filter -working-tree-encoding' > "$work/git/info/attributes"
}

# git_commit URL COMMIT: a tar, on standard output, of the files of a commit elsewhere; git holds them against its id.
git_commit() {
  have git || { say 'git is missing'; return 1; }
  bare_repository "$2" || return
  GIT_DIR=$work/git
  export GIT_DIR
  git fetch --quiet --depth=1 --no-tags -- "$1" "$2" 2> "$work/why.git" ||
    git fetch --quiet --no-tags -- "$1" '+refs/heads/*:refs/heads/*' '+refs/tags/*:refs/tags/*' ||
    { unset GIT_DIR; return 1; }
  git -c tar.umask=0022 archive --format=tar "$2^{tree}" || { unset GIT_DIR; return 1; }
  unset GIT_DIR
}

# place DESTINATION COMMAND...: what the command prints becomes the file; a failure is noted.
place() {
  destination=$1
  shift
  mkdir -p "${destination%/*}"
  if "$@" > "$work/made" 2> "$work/why"; then
    mv -f "$work/made" "$destination"
  else
    { printf '  %s: cannot be made\n' "$destination" && sed 's/^/    /' "$work/why"; } >> "$work/failed.made"
  fi
}

# --- the work --------------------------------------------------------------------------------------------------------

[ -f artifacts.tsv ] || die "artifacts.tsv is missing beside $0"
have sha256sum || have shasum || have openssl || die 'sha256sum, shasum and openssl are missing: install one of them'
mkdir -p artifacts
work=artifacts/.fetch.$$
pids=
clean() {
  trap '' INT TERM HUP
  # shellcheck disable=SC2086
  [ -z "$pids" ] || kill $pids 2> /dev/null || :
  wait
  rm -rf "$work"
}
trap clean EXIT
trap 'exit 129' HUP
trap 'exit 130' INT
trap 'exit 143' TERM
mkdir -m 700 "$work"

# directories that a RUN mounts
rows directory | while IFS=$tab read -r sha256 size kind origin path destination; do mkdir -p "$destination"; done

# files that this table does not name, of an older one
awk -F '\t' '!/^#/ { print $6 }' artifacts.tsv > "$work/named"
find artifacts -path 'artifacts/.fetch.*' -prune -o ! -type d -print |
  awk 'NR == FNR { named[$0] = 1; next } !($0 in named)' "$work/named" - |
  while IFS= read -r path; do
    case $path in
      artifacts/*) rm -f -- "$path" ;;
    esac
  done
for directory in artifacts/.fetch.*; do
  owner=${directory##*.}
  [ "$directory" = "$work" ] || kill -0 "$owner" 2> /dev/null || rm -rf "$directory"
done

# What is not there, or not right.
find_missing() {
  downloads | while IFS=$tab read -r sha256 size kind origin path destination; do
    is_right "$destination" "$sha256" "$size" ||
      printf '%s\t%s\t%s\t%s\t%s\t%s\n' "$sha256" "$size" "$kind" "$origin" "$path" "$destination"
  done > "$work/missing"
}

fetch_missing() {
  rm -f "$work"/failed.*
  say "fetching $(($(wc -l < "$work/missing"))) of $(($(downloads | wc -l))) files"
  for number in $workers; do
    work_off "$number" &
    pids="$pids $!"
  done
  for pid in $pids; do wait "$pid" || echo "  a download process ended early" >> "$work/failed.worker"; done
  pids=
}

find_missing
if [ -s "$work/missing" ]; then
  if have curl; then tool=curl; elif have wget; then tool=wget; else die 'curl and wget are missing: install one of them'; fi
  # GNU wget asks for a%b first when told a%25b, unless told not to
  literal=
  case $tool$(wget --help 2>&1 || :) in
    wget*--no-iri*) literal=--no-iri ;;
  esac
  apt_roots > "$work/apt"
  find_services
  for archive in debian debian-security; do
    debian_roots "$archive" > "$work/roots-$archive"
    cut -f 3,4 "$work/missing" | grep -qx "debian$tab$archive" || continue
    [ -s "$work/roots-$archive" ] || [ -s "$work/old-$archive" ] || has_default ||
      die "no mirror of the archive \"$archive\" is known on this machine: set STILLROOM_DEBIAN (and" \
        'STILLROOM_DEBIAN_SECURITY) to the root of a mirror, or STILLROOM_SNAPSHOT to that of a snapshot service; see --help'
  done
  : > "$work/indexes"
  if cut -f 3 "$work/missing" | grep -qx pypi; then
    pip_indexes > "$work/indexes"
    [ -s "$work/indexes" ] || die 'no Python package index is known on this machine: set PIP_INDEX_URL; see --help'
  fi
  fetch_missing
  # what no mirror has is looked for at the services of the distribution, whose base-files may have come meanwhile
  find_missing
  cat "$work"/old-* > "$work/known"
  find_services default
  if cut -f 3 "$work/missing" | grep -qx debian && ! cat "$work"/old-* | cmp -s - "$work/known"; then
    fetch_missing
  fi
fi

rows seed | while IFS=$tab read -r sha256 size kind origin path destination; do
  # one that is missing has been noted
  [ ! -f "$path" ] || place "$destination" data_tar "$path" < /dev/null
done
rows project | while IFS=$tab read -r sha256 size kind origin path destination; do
  # an exported archive brings it; the image ID tells whether it is right
  if [ -f "$destination" ] && ! git cat-file -e "$path^{tree}" 2> /dev/null; then continue; fi
  place "$destination" git_tree "$path" < /dev/null
done
# what stillroom has put there is taken as it is; its archive and git's own differ, the files in them don't
rows git | while IFS=$tab read -r sha256 size kind origin path destination; do
  is_right "$destination" "$sha256" "$size" || place "$destination" git_commit "$origin" "$path" < /dev/null
done
rows git-parts | while IFS=$tab read -r sha256 size kind origin path destination; do
  is_right "$destination" "$sha256" "$size" || {
    rm -f "$destination"
    printf '  %s: holds submodules or files of git-lfs, which only stillroom puts together\n    from %s %s; "stillroom store export" carries it\n' \
      "$destination" "$(show "$origin")" "$path" >> "$work/failed.made"
  }
done

rows registry | while IFS=$tab read -r sha256 size kind origin path destination; do
  is_right "$destination" "$sha256" "$size" || {
    rm -f "$destination"
    printf '  %s: a layer of a registry image, which only stillroom fetches\n    from %s %s; "stillroom store export" carries it\n' \
      "$destination" "$(show "$origin")" "$path" >> "$work/failed.made"
  }
done

cat "$work"/failed.* > "$work/all" 2> /dev/null || :
if [ -s "$work/all" ]; then
  say 'these files are not there:'
  cat "$work/all" >&2
  say 'see --help for how to name other sources'
  exit 1
fi
say 'artifacts/ is complete'
