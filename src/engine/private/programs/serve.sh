#!/bin/sh
# serve.sh DIR STORE RUNC: inside the engine's own mounts, the bridge, the rules and dockerd, until dockerd ends.
set -eu

dir=$1 store=$2 runc=$3
case $store in
containerd) driver=overlayfs snapshotter=true ;;
*) driver=overlay2 snapshotter=false ;;
esac
# shellcheck source=network.sh
. /run/engine/network.sh

cd /
umount -l /.old
rmdir /.old
if ! iptables -w -t nat -nL >/dev/null 2>&1 && iptables-legacy -w -t nat -nL >/dev/null 2>&1; then
	ln -s /usr/sbin/iptables-legacy /run/bin/iptables
fi
if [ -s "$dir/vary" ]; then
	/bin/sh /run/engine/vary-runc.sh "$runc" "$dir/clock.so" "$(cat "$dir/vary")"
else
	ln -s "$runc" /run/bin/runc
fi
set_tag "$dir"
network_down "$(cat "$dir/network" 2>/dev/null || echo 0)"
network_up "$dir"
cat >/run/daemon.json <<-END
	{
	  "hosts": ["unix://$dir/docker.sock"],
	  "data-root": "$dir/data",
	  "exec-root": "/run/docker",
	  "pidfile": "/run/dockerd.pid",
	  "exec-opts": ["native.cgroupdriver=cgroupfs"],
	  "storage-driver": "$driver",
	  "features": { "containerd-snapshotter": $snapshotter },
	  "builder": { "gc": { "enabled": true, "defaultKeepStorage": "16GB" } },
	  "shutdown-timeout": 5,
	  "iptables": false,
	  "ip-masq": false,
	  "bridge": "$bridge",
	  "fixed-cidr": "$subnet.0/24",
	  "default-address-pools": [{ "base": "$pool", "size": 24 }]
	}
END
daemon=
trap '[ -z "$daemon" ] || kill -TERM "$daemon"' TERM INT
dockerd --config-file /run/daemon.json 9<&- &
daemon=$!
# A trapped signal ends wait early; all orphans of the namespace are reaped here as well.
while kill -0 "$daemon" 2>/dev/null; do wait "$daemon" || true; done
network_down "$number"
rm -f "$dir/docker.sock" "$dir/pid" "$dir/env"
