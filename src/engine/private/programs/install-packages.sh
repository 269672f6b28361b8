#!/bin/sh
# install-packages.sh ROOT PACKAGES: makes a root file system of the packages that root-packages.ts fetched, as bootstrap.sh
# makes the base of a recipe. Runs in namespaces of its own, so that its mounts and processes end with it.
set -eu

root=$1 packages=$2
mkdir "$root"
sed -n 's/^base [^ ]* //p' "$packages/list" | while IFS= read -r deb; do
	dpkg-deb --fsys-tarfile "$deb" | tar -C "$root" -x -p --keep-directory-symlink
done
mkdir -p "$root/var/lib/dpkg/info" "$root/var/lib/dpkg/updates" "$root/packages"
: >"$root/var/lib/dpkg/status"
: >"$root/var/lib/dpkg/available"
while read -r _ name deb; do
	ln "$deb" "$root/packages/$name.deb" 2>/dev/null || cp "$deb" "$root/packages/$name.deb"
done <"$packages/list"
printf 'deb %s trixie main\n' "$(cat "$packages/mirror")" >"$root/etc/apt/sources.list"
cp -L /etc/resolv.conf "$root/etc/resolv.conf" 2>/dev/null || :
# maintainer scripts ask whether they may start services: no
printf '#!/bin/sh\nexit 101\n' >"$root/usr/sbin/policy-rc.d"
chmod 755 "$root/usr/sbin/policy-rc.d"

# for who changes into it later
while read -r name major minor; do
	mknod -m 666 "$root/dev/$name" c "$major" "$minor" || :
done <<'DEVICES'
null 1 3
zero 1 5
full 1 7
random 1 8
urandom 1 9
tty 5 0
DEVICES

cat >"$root/packages/install.sh" <<'INSTALL'
set -eu
cd /packages
options='--force-depends --force-unsafe-io --force-confnew'
dpkg $options --install base-passwd.deb base-files.deb
dpkg $options --unpack ./*.deb
dpkg $options --configure --pending
INSTALL
mount -t proc proc "$root/proc"
mount --rbind /dev "$root/dev"
chroot "$root" /usr/bin/env -i PATH=/usr/sbin:/usr/bin:/sbin:/bin HOME=/root LC_ALL=C DEBIAN_FRONTEND=noninteractive \
	/bin/sh /packages/install.sh
rm -rf "$root/packages" "$root/usr/sbin/policy-rc.d"
