#!/bin/sh
# make-clock.sh ROOT SUITE FILE: fetches the library that shows programs another time (libfaketime), built against the C
# library of a Debian suite, by the apt of a private engine's root file system.
# shellcheck disable=SC2016
set -eu

root=$1 suite=$2 file=$3
tmp=$root/tmp/clock.$$
trap 'rm -rf "$tmp"' EXIT
mkdir -p "$tmp/lists/partial"
sed "s/ trixie / $suite /" "$root/etc/apt/sources.list" >"$tmp/sources.list"
log=${file%/*}/clock.log
chroot "$root" /bin/sh -euc 'cd "$1" && set -- -o "Dir::Etc::sourcelist=$1/sources.list" -o Dir::Etc::sourceparts=- \
	-o "Dir::State::lists=$1/lists" -o APT::Sandbox::User=root
	apt-get "$@" update
	apt-get "$@" download libfaketime
	dpkg-deb -x libfaketime_*.deb deb' sh "${tmp#"$root"}" >"$log" 2>&1 || {
	tail -n 5 "$log" >&2
	exit 3
}
cp "$tmp"/deb/usr/lib/*/faketime/libfaketime.so.1 "$file.$$"
mv "$file.$$" "$file"
