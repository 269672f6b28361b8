#!/bin/sh
# make-root.sh ROOT CLIENTS NAMES [PACKAGES]: makes what a private engine runs in, a small Debian with packages of these names
# (separated by commas), and the clients of it that the host runs. What is there already stays. PACKAGES is a directory that
# root-packages.ts has filled; where there is none, or they cannot be installed, debootstrap fetches them. Says on stdout,
# a line each, what it is doing.
# shellcheck disable=SC2016
set -eu

root=$1 clients=$2 names=$3 packages=${4-}
base=${root%/*}
programs=$(cd -P -- "${0%/*}" && pwd -P)

# fail WHAT LOG NEXT: the last lines of a log, and the error, on stderr
fail() {
	tail -n 15 "$2" >&2
	printf '%s failed, see above; all that it said is in %s\n%s\n' "$1" "$2" "$3" >&2
	exit 3
}

worker='' tmp=''
interrupted() {
	trap '' INT TERM HUP
	[ -z "$worker" ] || { kill -KILL "$worker" 2>/dev/null || true; wait "$worker" 2>/dev/null || true; }
	[ -z "$tmp" ] || rm -rf --one-file-system "$tmp"
	exit 130
}
trap interrupted INT TERM HUP

apt_install() {
	echo "installing $* with apt-get"
	if ! DEBIAN_FRONTEND=noninteractive apt-get install -y --no-install-recommends "$@" </dev/null >"$base/apt.log" 2>&1; then
		apt-get update </dev/null >>"$base/apt.log" 2>&1 || true
		DEBIAN_FRONTEND=noninteractive apt-get install -y --no-install-recommends "$@" </dev/null >>"$base/apt.log" 2>&1 ||
			fail "installing $* with apt-get" "$base/apt.log" 'repair apt, then run again'
	fi
}

# Prints the mirror that this machine's apt takes Debian from, if there is one.
apt_mirror() {
	apt-get indextargets --format '$(ORIGIN) $(LABEL) $(COMPONENT) $(REPO_URI)' 'Created-By: Packages' 2>/dev/null |
		awk '$1 == "Debian" && $2 == "Debian" && $3 == "main" && $4 ~ /^(https?|file):/ { print $4; exit }'
}

# in_namespaces LOG PROGRAM...: in some of its own, so that its mounts and processes end with it.
in_namespaces() {
	log=$1
	shift
	rm -rf --one-file-system "$tmp"
	unshare --mount --pid --fork --kill-child --mount-proc "$@" </dev/null >"$log" 2>&1 &
	worker=$!
	seconds=0
	while kill -0 "$worker" 2>/dev/null; do
		sleep 1
		seconds=$((seconds + 1))
		[ $((seconds % 10)) -ne 0 ] || echo "$seconds s: $(tail -n 1 "$log" | cut -c 1-100)"
	done
	code=0
	wait "$worker" || code=$?
	worker=
	return "$code"
}

install_packages() { in_namespaces "$base/packages.log" /bin/sh "$programs/install-packages.sh" "$tmp" "$packages"; }

# bootstrap [MIRROR]
bootstrap() {
	in_namespaces "$base/debootstrap.log" debootstrap --variant=minbase --include="$names" trixie "$tmp" "$@"
}

make_root() {
	for stale in "$base"/root.tmp.*; do
		[ ! -d "$stale" ] || rm -rf --one-file-system "$stale"
	done
	echo 'making the root file system (once, about half a minute and 1.1 GB)'
	tmp=$base/root.tmp.$$
	if [ -z "$packages" ] || ! install_packages; then
		[ -z "$packages" ] || echo "that failed ($(tail -n 1 "$base/packages.log" | cut -c 1-100)); again, with debootstrap"
		with_debootstrap
	fi
	rm -rf "$tmp"/var/cache/apt/archives/*.deb
	sync -f "$tmp"
	mv "$tmp" "$root"
	tmp=
}

with_debootstrap() {
	set --
	command -v debootstrap >/dev/null || set -- debootstrap
	[ -r /usr/share/keyrings/debian-archive-keyring.gpg ] || set -- "$@" debian-archive-keyring
	[ $# -eq 0 ] || apt_install "$@"
	mirror=$(apt_mirror)
	if [ -z "${http_proxy-}" ]; then
		eval "$(apt-config shell http_proxy Acquire::http::Proxy)"
		[ -z "${http_proxy-}" ] || export http_proxy
	fi
	if [ -z "$mirror" ] || ! bootstrap "$mirror"; then
		bootstrap || fail debootstrap "$base/debootstrap.log" 'check that apt-get update works, then run again'
	fi
}

quote() { printf "'"; printf %s "$1" | sed "s/'/'\\\\''/g"; printf "'"; }

# The clients run on the host; with a C library too old for them, they bring their own.
make_clients() {
	rm -rf "$clients.tmp"
	mkdir "$clients.tmp"
	for client in usr/bin/docker usr/libexec/docker/cli-plugins/docker-buildx; do
		target=$clients.tmp/${client##*/}
		if "$root/$client" --version >/dev/null 2>&1 || "$root/$client" version >/dev/null 2>&1; then
			ln -s "$root/$client" "$target"
		else
			for loader in "$root"/usr/lib*/ld-linux*.so.* "$root"/usr/lib/*/ld-linux*.so.*; do
				[ ! -x "$loader" ] || break
			done
			libs=$(dirname "$(find "$root/usr/lib" -name libc.so.6 | head -n 1)")
			printf '#!/bin/sh\nexec %s --library-path %s --argv0 "$0" %s "$@"\n' \
				"$(quote "$loader")" "$(quote "$libs")" "$(quote "$root/$client")" >"$target"
			chmod 755 "$target"
		fi
	done
	mv "$clients.tmp" "$clients"
}

[ -d "$root" ] || make_root
[ -d "$clients" ] || make_clients
