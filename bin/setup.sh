# Sourced by bin/stillroom and bin/test. Expects root: the repository's directory.
# shellcheck shell=sh disable=SC2154

say() { printf 'setup: %s\n' "$*" >&2; }

# fail WHAT WHY NEXT
fail() {
	printf 'setup: %s: %s\n  %s\n' "$1" "$2" "$3" >&2
	exit 3
}

# Runs a command; shows what it said only when it fails, since npm is silent or verbose and never plain.
# quietly WHAT NEXT COMMAND...
quietly() {
	what=$1 next=$2
	shift 2
	output=$("$@" 2>&1 </dev/null) || {
		printf '%s\n' "$output" | sed 40q >&2
		fail "$what" "\"$*\" failed, see above" "$next"
	}
}

# Who holds the set-up (process number, dot, time), 0 being nobody. Each link is named after a holder and leads to the
# next one: who took over when that one was found dead. Making a link is one step, which fails when there is one: none
# is ever taken away or moved but by the last.
find_holder() {
	holder=0
	while next=$(readlink "$root/.setup-lock.$holder"); do holder=$next; done
}

# Holds one set-up at a time; a lock whose holder is dead is taken over.
lock() {
	waited='' me=$$.$(date +%s)
	while find_holder && [ "$holder" != "$me" ]; do
		if [ "$holder" = 0 ] || ! kill -0 "${holder%.*}" 2>/dev/null; then
			[ -w "$root" ] || fail 'setting up' "\"$root\" cannot be written" 'make it writable, or use a copy'
			link=$root/.setup-lock.$holder
			# it leads nowhere when the set-up of the dead was ended by another meanwhile
			! ln -s "$me" "$link" 2>/dev/null || { find_holder && [ "$holder" = "$me" ]; } || rm -f "$link"
		else
			[ -n "$waited" ] || say "waiting for another set-up (process ${holder%.*})"
			waited=yes
			sleep 1
		fi
	done
	trap 'unlock; exit 130' INT
	trap 'unlock; exit 143' TERM
	trap unlock EXIT
}

# The first link goes first: without it, none of the others counts.
unlock() {
	rm -f "$root/.setup-lock.0" "$root"/.setup-lock.*
	trap - INT TERM EXIT
}

installed() {
	[ ! -f "$root/package-lock.json" ] ||
		cmp -s "$root/package-lock.json" "$root/node_modules/.setup-stamp"
}

# A directory counts too: its time changes when a file in it is removed.
built() {
	[ ! -d "$root/src" ] || {
		[ -f "$root/dist/.stamp" ] &&
			[ -z "$(find "$root/src" "$root/package.json" "$root/tsconfig.json" -newer "$root/dist/.stamp" 2>/dev/null)" ]
	}
}

need_node() {
	next='install Node 20 or newer, with npm'
	command -v node >/dev/null || fail 'looking for Node' 'there is no "node" in PATH' "$next"
	found=$(node --version) || fail 'looking for Node' '"node --version" failed' "$next"
	major=${found#v}
	[ "${major%%.*}" -ge 20 ] || fail 'looking for Node' "\"node\" is $found" "$next"
	command -v npm >/dev/null || fail 'looking for npm' 'there is no "npm" in PATH' "$next"
}

# Installs the dependencies and builds, each only when needed.
set_up() {
	if ! installed || ! built; then
		need_node
		lock
		if ! installed; then
			say 'installing the npm dependencies'
			quietly 'installing the npm dependencies' \
				'fix what npm says (it must reach its registry), then run again' \
				env STILLROOM_SETUP=yes npm --prefix "$root" ci --no-audit --no-fund
			cp "$root/package-lock.json" "$root/node_modules/.setup-stamp.tmp"
			mv "$root/node_modules/.setup-stamp.tmp" "$root/node_modules/.setup-stamp"
		fi
		if ! built; then
			say 'building'
			# Sources that change while they are built are newer than the stamp.
			: >"$root/.setup-lock.stamp"
			quietly 'building' 'fix the sources, then run again' npm --prefix "$root" run --silent build
			mv "$root/.setup-lock.stamp" "$root/dist/.stamp"
		fi
		unlock
	fi
	node=$root/node_modules/node/bin/node
	[ -x "$node" ] || {
		need_node
		node=node
	}
}
