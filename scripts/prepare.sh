#!/bin/sh
# prepare.sh [install]: what npm runs after an installation in a clone, when stillroom is installed from git, and before it
# packs: builds dist/ when it is out of date. With "install", first installs the dependencies that a build needs.
set -eu

# bin/setup.sh builds by itself, when npm is done
[ -z "${STILLROOM_SETUP-}" ] || exit 0
case $0 in */*) root=${0%/*}/.. ;; *) root=.. ;; esac
root=$(cd -P -- "$root" && pwd -P)
# shellcheck source=bin/setup.sh
. "$root/bin/setup.sh"

if [ "${1-}" = install ] && [ ! -d "$root/node_modules" ]; then
	quietly 'installing the npm dependencies' 'fix what npm says (it must reach its registry), then run again' \
		npm --prefix "$root" ci --no-audit --no-fund
fi
! built || exit 0
if [ ! -d "$root/node_modules/rolldown" ]; then
	say 'dist/ is not built: the development dependencies are not installed'
	exit 0
fi
say 'building'
npm --prefix "$root" run --silent build
