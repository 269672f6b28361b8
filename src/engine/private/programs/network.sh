# The network of a private engine: its own bridge and its own rules, not Docker's chains, which it would share with
# another engine on this machine. Sourced by serve.sh; to clean up after an engine that could not do it itself, the host
# reads it from stdin in the root file system, with the engine's directory as argument.
# shellcheck shell=sh disable=SC2015

# Marks what belongs to the engine of this directory; engines of other caches may have the same name.
set_tag() {
	tag=$(printf %s "$1" | cksum)
	tag=stillroom-engine-${tag%% *}
}

# The number is kept, because networks that users made have addresses of its pool.
network_up() {
	kept=0
	[ ! -r "$1/network" ] || read -r kept <"$1/network"
	for number in "$kept" 0 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15; do
		bridge=stillroom$number
		subnet=10.87.$((number * 16))
		pool=$subnet.0/20
		[ -z "$(ip -4 route show table all root "$pool")" ] && ip link add "$bridge" type bridge 2>/dev/null && break
		[ "$number" -ne 15 ] || {
			echo 'no network is free for the bridge' >&2
			return 1
		}
	done
	echo "$number" >"$1/network"
	ip link set "$bridge" alias "$tag"
	ip addr add "$subnet.1/24" dev "$bridge"
	ip link set "$bridge" up
	iptables -w -t nat -A POSTROUTING -s "$pool" ! -d "$pool" -m comment --comment "$tag" -j MASQUERADE &&
		iptables -w -I FORWARD -s "$pool" -m comment --comment "$tag" -j ACCEPT &&
		iptables -w -I FORWARD -d "$pool" -m comment --comment "$tag" -j ACCEPT ||
		echo 'iptables failed: containers reach the network only with --network host' >&2
}

network_down() {
	for table in nat filter; do
		iptables -w -t $table -S 2>/dev/null | grep -F -e "--comment $tag " |
			sed 's/^-A /-D /' | while read -r rule; do
			# shellcheck disable=SC2086
			iptables -w -t $table $rule || true
		done
	done
	ip -o link show type bridge | grep -q "alias $tag *\$" || return 0
	# The bridges of networks that users made outlive dockerd.
	number=$1
	ip -o -4 addr show | awk -v from=$((number * 16)) \
		'$2 ~ /^(br-|stillroom)/ { split($4, part, "."); if (part[1] == 10 && part[2] == 87 && part[3] >= from && part[3] < from + 16) print $2 }' |
		while read -r link; do ip link delete "$link" || true; done
}

if [ "${0##*/}" != serve.sh ]; then
	set_tag "$1"
	network_down "${2:-0}"
fi
