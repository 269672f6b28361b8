# Installs exactly the .debs at hand, in the order that apt planned when they were locked.
# shellcheck source=layer.sh
. /.stillroom/build/layer.sh
# shellcheck source=leave-out.sh
. /.stillroom/build/leave-out.sh
begin
# maintainer scripts ask whether they may start services: no
printf '#!/bin/sh\nexit 101\n' > /usr/sbin/policy-rc.d
chmod 755 /usr/sbin/policy-rc.d
# byte code is made once at the end: py3compile ignores PYTHONHASHSEED, and starts a Python for every package; PyPy's is never
# kept (layer.sh)
mkdir -p "$own"/bin
for each in py3compile pypy3compile; do
  printf '#!/bin/sh\n' > "$own"/bin/$each
  chmod 755 "$own"/bin/$each
done

name=$1
set -- "$own"/artifacts/*.deb
[ -e "$1" ] || shift
expected=$(wc -l < "$own"/step/packages.tsv)
[ $# -eq "$expected" ] || fail "step $name: artifacts/$name holds $# packages, expected $expected"
run_dpkg() {
  steadily env PATH="$own/bin:$PATH" dpkg --force-unsafe-io --force-confnew --auto-deconfigure --log=/dev/null "$@" \
    < /dev/null > "$own"/log 2>&1 || { tail -n 60 "$own"/log >&2; fail "step $name: dpkg failed"; }
}
while read -r action names; do
  set --
  for each in $names; do
    case $action in
      unpack) set -- "$@" "$own/artifacts/${each}"_*.deb ;;
      configure) set -- "$@" "$each" ;;
    esac
  done
  run_dpkg --no-triggers "--$action" "$@"
done < "$own"/step/order.txt
run_dpkg --configure --pending
xargs -r apt-mark auto < "$own"/step/dependencies.txt > /dev/null
xargs -r apt-mark manual < "$own"/step/requested.txt > /dev/null
rm -f /usr/sbin/policy-rc.d "$own"/log
leave_out
clean_up
if command -v python3 > /dev/null; then
  compile '/usr/lib/python3[^/]*'
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
