#!/bin/sh
# vary-runc.sh RUNC LIBRARY LIST: puts a runc before the real one that changes each container's configuration first (OCI
# runtime specification, "Configuration"); both builds and containers start by it. LIST: words of `engine up --vary`.
set -eu

runc=$1 library=$2 edits='' settings=''
for word in $3; do
	value=${word#*=}
	case $word in
	clock=*)
		edits="$edits;s|{\"destination\":\"/dev/mqueue\"|{\"destination\":\"/dev/.clock.so\",\"type\":\"bind\",\"source\":\"$library\",\"options\":[\"rbind\",\"ro\"]},&|"
		settings="$settings\"LD_PRELOAD=/dev/.clock.so\",\"FAKETIME=+${value}s\",\"NO_FAKE_STAT=1\",\"FAKETIME_DONT_FAKE_MONOTONIC=1\","
		;;
	timezone=*) settings="$settings\"TZ=$value\"," ;;
	locale=*) settings="$settings\"LANG=$value\",\"LC_ALL=$value\"," ;;
	hostname=*) edits="$edits;s|\"hostname\":\"[^\"]*\"|\"hostname\":\"$value\"|" ;;
	cpus=*) edits="$edits;s|\"resources\":{|&\"cpu\":{\"cpus\":\"$value\"},|" ;;
	umask=*) edits="$edits;s|\"user\":{\"uid\":[0-9]*,\"gid\":[0-9]*|&,\"umask\":$value|" ;;
	esac
done
[ -z "$settings" ] || edits="$edits;s|,\"env\":\[|&$settings|"
# a step that has the recipe's clock sees no other: libfaketime beside it shows nothing more, and waits for ever in programs
# with an allocator of their own (jemalloc); what it is told is no part of the step's environment, which a step may write down
edits="$edits;/\"destination\":\"\/.stillroom\/clock\"/s|\"LD_PRELOAD=/dev/.clock.so\",\"FAKETIME=[^\"]*\",\"NO_FAKE_STAT=1\",\"FAKETIME_DONT_FAKE_MONOTONIC=1\",||"
cat >/run/bin/runc <<-END
	#!/bin/sh
	bundle='' before=''
	for word; do
		[ "\$before" != --bundle ] || bundle=\$word
		before=\$word
	done
	[ -z "\$bundle" ] || sed -i '${edits#;}' "\$bundle/config.json" || exit 1
	exec $runc "\$@"
END
chmod 755 /run/bin/runc
