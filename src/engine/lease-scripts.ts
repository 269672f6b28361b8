/**
 * The shell scripts that run in a task container, as root, with what every Debian has. All of them meet in DIRECTORY,
 * a tmpfs: `lock` is held shared by whoever has a lease, `closed` says that no lease is given any more.
 */
export const DIRECTORY = '/run/stillroom'

const PROLOGUE = `PATH=/usr/sbin:/usr/bin:/sbin:/bin
cd ${DIRECTORY} || exit
[ -p door ] || mkfifo door 2>/dev/null
exec 9>>lock
`

/** Exit code of LEASE when the container is about to end. */
export const CLOSED = 75

/**
 * The container's main process: ends, and with it the container, when the last lease is returned; also when nobody takes
 * one within a minute of its start.
 */
export const SUPERVISOR = `${PROLOGUE}timeout 60 head -c 1 door >/dev/null
flock -x 9
: >closed
`

/**
 * Takes a lease, says so by "held", then delivers the signals that are named on standard input, one a line, to the
 * process group of task $1. "end" returns the lease and says "last" or "others"; when standard input ends without it,
 * whoever started the task is gone, and the task gets a HUP.
 *
 * With a second argument, the user $2 of uid $3 first moves to uid $4 and gid $5, with its files on the root file
 * system and on each further path.
 */
export const LEASE = `${PROLOGUE}exec 8<>door
flock -s 9
[ ! -e closed ] || exit ${CLOSED}
task=$1
shift
if [ $# -gt 0 ]; then
  exec 7>>moving
  flock -x 7
  if [ ! -e moved ]; then
    name=$1 old=$2 uid=$3 gid=$4
    shift 4
    sed -i "s/^$name:\\([^:]*\\):$old:[0-9]*:/$name:\\1:$uid:$gid:/" /etc/passwd
    sed -i "s/^$name:\\([^:]*\\):[0-9]*:/$name:\\1:$gid:/" /etc/group
    find / "$@" -xdev -uid "$old" -exec chown -h "$uid:$gid" {} +
    : >moved
  fi
  exec 7>&-
fi
deliver() {
  tries=0
  until read -r group 2>/dev/null <"task.$task"; do
    tries=$((tries + 1))
    [ $tries -lt 50 ] || return 0
    sleep 0.1
  done
  kill -s "$1" -- "-$group" 2>/dev/null
}
echo >&8
echo held
end=
while [ -z "$end" ] && read -r word; do
  case $word in
  end) end=yes ;;
  *) deliver "$word" ;;
  esac
done
[ -n "$end" ] || deliver HUP
exec 7>>leaving
flock -x 7
flock -u 9
if flock -n -x 9; then
  : >closed
  echo last
elif flock -n -s 9 && [ ! -e closed ]; then
  echo others
else
  echo last
fi
`

/**
 * Runs a task: notes its process group, which is its own, in file $1, goes to directory $2, and becomes the command
 * that follows. What is wrong with those two is reported on standard error, by the codes of POSIX's `env`.
 */
export const TASK = `echo "$$" >"$1"
cd "$2" || exit 126
shift 2
exec "$@"
`

/** Exit codes of WAIT: nothing answered in time; the image has no program that could ask another host. */
export const SILENT = 76
export const CANNOT_ASK = 77

/**
 * Waits until something listens on TCP port $2 of host $1, for $3 seconds at most. Of this container the kernel's own list
 * says it, so that nobody is connected to who serves one client alone; another host is asked by connecting.
 */
export const WAIT = `PATH=/usr/sbin:/usr/bin:/sbin:/bin
end=$(($(date +%s) + $3))
listens() {
  case $1 in
  localhost | 127.0.0.1) grep -q ":$(printf %04X "$2") 0*:0000 0A " /proc/net/tcp /proc/net/tcp6 2>/dev/null ;;
  *) timeout 5 bash -c 'exec 3<>"/dev/tcp/$0/$1"' "$1" "$2" 2>/dev/null ;;
  esac
}
case $1 in
localhost | 127.0.0.1) ;;
*) command -v bash >/dev/null && command -v timeout >/dev/null || exit ${CANNOT_ASK} ;;
esac
until listens "$1" "$2"; do
  [ "$(date +%s)" -lt "$end" ] || exit ${SILENT}
  sleep 0.1
done
`
