#!/bin/sh
# enter.sh ROOT DIR STORE: the first process of new mount and process namespaces; when it ends, all that it started ends.
# Notes itself in DIR/pid, puts the engine's own mounts together, and goes on as serve.sh in them.
set -eu

root=$1 dir=$2 store=$3
programs=$(cd -P -- "${0%/*}" && pwd -P)

# The start time tells it from a later process, or a later boot, with the same number.
read -r self stat </proc/self/stat
# shellcheck disable=SC2086
set -- $stat
printf '%s %s %s\n' "$self" "${21}" "$store" >"$dir/pid.tmp"
mv "$dir/pid.tmp" "$dir/pid"

resolv=/etc/resolv.conf
if grep -q '^nameserver 127\.0\.0\.53' $resolv 2>/dev/null && [ -r /run/systemd/resolve/resolv.conf ]; then
	resolv=/run/systemd/resolve/resolv.conf
fi
cp -L $resolv "$dir/resolv.conf" 2>/dev/null || : >"$dir/resolv.conf"

mount -t tmpfs -o mode=755 stillroom-engine /run
cd /run
mkdir .old proc sys dev usr run
cp -a "$root"/bin "$root"/sbin "$root"/lib* "$root"/etc .
mount --bind "$root/usr" usr
mount -o remount,bind,ro usr
mount -t proc proc proc
mount --rbind /sys sys
mount --rbind /dev dev
# The host's directories appear under their own paths: volumes mean the same on both sides.
for top in /*; do
	case $top in
	/proc | /sys | /dev | /usr | /etc | /run | /boot | /lost+found | /bin | /sbin | /lib | /lib[3x6]*) continue ;;
	esac
	if [ -L "$top" ]; then
		cp -P "$top" ".$top"
	elif [ -d "$top" ]; then
		mkdir ".$top"
		mount --rbind "$top" ".$top"
	fi
done
rm -f etc/resolv.conf
cp "$dir/resolv.conf" etc/resolv.conf
for file in hosts hostname localtime; do
	[ ! -e /etc/$file ] || { rm -f etc/$file; cp -L /etc/$file etc/$file; }
done
for bundle in "${SSL_CERT_FILE-}" /etc/ssl/certs/ca-certificates.crt; do
	[ -s "$bundle" ] || continue
	cp -L "$bundle" etc/ssl/certs/ca-certificates.crt
	break
done
mkdir run/engine run/bin run/docker
cp "$programs"/* run/engine
pivot_root . .old
exec env -i PATH=/run/bin:/usr/sbin:/usr/bin HOME=/root \
	${HTTP_PROXY+"HTTP_PROXY=$HTTP_PROXY"} ${http_proxy+"http_proxy=$http_proxy"} \
	${HTTPS_PROXY+"HTTPS_PROXY=$HTTPS_PROXY"} ${https_proxy+"https_proxy=$https_proxy"} \
	${NO_PROXY+"NO_PROXY=$NO_PROXY"} ${no_proxy+"no_proxy=$no_proxy"} \
	/usr/sbin/chroot . /usr/bin/perl /run/engine/seal-runc.pl /usr/sbin/runc /bin/sh /run/engine/serve.sh "$dir" "$store"
