# Makes the base's root file system in /target from .debs alone, the way debootstrap does.
# Runs in a stage that holds no more than the seed: dpkg, tar, a shell, and the libraries they need.
# shellcheck source=layer.sh
. /.stillroom/build/layer.sh
target=/target
mkdir -p $target

# suites whose base-files does not bring these links itself
case $1 in
  bullseye | bookworm)
    for directory in bin sbin lib lib64; do
      mkdir -p $target/usr/$directory
      ln -s usr/$directory $target/$directory
    done
    ;;
esac
for deb in "$own"/artifacts/*.deb; do
  dpkg-deb --fsys-tarfile "$deb" |
    tar -C $target -x -p --keep-directory-symlink --exclude=./dev/?* --exclude=./proc/?* --exclude=./sys/?*
done
mkdir -p $target/proc $target/sys $target/dev $target/var/lib/dpkg/info $target/var/lib/dpkg/updates $target/.debs
: > $target/var/lib/dpkg/status
: > $target/var/lib/dpkg/available
mknod -m 666 $target/dev/null c 1 3
# maintainer scripts ask whether they may start services: no
printf '#!/bin/sh\nexit 101\n' > $target/usr/sbin/policy-rc.d
chmod 755 $target/usr/sbin/policy-rc.d
cp "$own"/artifacts/*.deb $target/.debs/

cat > $target/.debs/install.sh <<'INSTALL'
set -eu
cd /.debs
options='--force-depends --force-unsafe-io --force-confnew --log=/dev/null'
dpkg $options --install base-passwd_*.deb base-files_*.deb
dpkg $options --unpack ./*.deb
dpkg $options --configure --pending
INSTALL
chroot $target /bin/sh /.debs/install.sh > "$own"/log 2>&1 || { tail -n 60 "$own"/log >&2; fail 'dpkg cannot install the base'; }

rm -rf /target/.debs /target/usr/sbin/policy-rc.d /target/dev/*
# the archive's snapshot service is a neighbour of the home page that base-files names
domain=$(sed -n 's|^HOME_URL="https*://www\.\([^/"]*\).*|\1|p' $target/etc/os-release)
[ -n "$domain" ] || fail 'etc/os-release of the base names no home page'
while read -r archive snapshot suite component; do
  printf 'deb [check-valid-until=no] http://snapshot.%s/archive/%s/%s %s %s\n' \
    "$domain" "$archive" "$snapshot" "$suite" "$component"
done < "$own"/step/sources.txt > $target/etc/apt/sources.list
scrub $target
clamp $target
