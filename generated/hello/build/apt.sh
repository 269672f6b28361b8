# Installs exactly the .debs at hand; apt only puts them in order.
# shellcheck source=layer.sh
. /.stillroom/build/layer.sh
begin
# maintainer scripts ask whether they may start services: no
printf '#!/bin/sh\nexit 101\n' > /usr/sbin/policy-rc.d
chmod 755 /usr/sbin/policy-rc.d
# byte code is made once at the end: py3compile ignores PYTHONHASHSEED, and starts a Python for every package
mkdir -p "$own"/bin
printf '#!/bin/sh\n' > "$own"/bin/py3compile
chmod 755 "$own"/bin/py3compile

name=$1
set -- "$own"/artifacts/*.deb
[ -e "$1" ] || shift
expected=$(wc -l < "$own"/step/packages.tsv)
[ $# -eq "$expected" ] || fail "step $name: artifacts/$name holds $# packages, expected $expected"
if [ $# -gt 0 ]; then
  PATH=$own/bin:$PATH apt-get install --yes --quiet=2 --no-install-recommends --allow-downgrades \
    -o Dir::Etc::SourceList=/dev/null -o Dir::Etc::SourceParts=/dev/null -o APT::Sandbox::User=root \
    -o Dpkg::Use-Pty=0 -o Dpkg::Options::=--force-unsafe-io -o Dpkg::Options::=--force-confnew \
    "$@" > "$own"/log || { tail -n 60 "$own"/log >&2; fail "step $name: apt-get install failed"; }
fi
xargs -r apt-mark auto < "$own"/step/dependencies.txt > /dev/null
xargs -r apt-mark manual < "$own"/step/requested.txt > /dev/null
rm -f /usr/sbin/policy-rc.d "$own"/log
if command -v python3 > /dev/null; then
  python3 -S -W ignore "$own"/build/byte-code.py "$own"/mark /usr/lib/python3*
fi

# dpkg's own account of it must agree with the lock
# shellcheck disable=SC2016 # dpkg-query's own variables
cut -f 1 "$own"/step/packages.tsv |
  xargs -r dpkg-query --show --showformat '${Package}\t${Version}\t${Architecture}\t${db:Status-Abbrev}\n' |
  sort > "$own"/installed
sed 's/$/\tii /' "$own"/step/packages.tsv | sort | diff - "$own"/installed > "$own"/difference ||
  { cat "$own"/difference >&2; fail "step $name: installed packages (>) differ from the lock (<)"; }
rm "$own"/installed "$own"/difference
finish "$name"
