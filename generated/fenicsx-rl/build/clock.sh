# Compiles the clock of the steps in a stage of its own, which no image is made of.
# shellcheck source=layer.sh
. /.stillroom/build/layer.sh
dpkg-deb -x "$own"/artifacts/tcc_*.deb /tcc
for library in /lib/x86_64-linux-gnu/libdl.so.2 /usr/lib/x86_64-linux-gnu/libdl.so.2; do
  if [ -e "$library" ]; then break; fi
done
mkdir -p /clock
/tcc/usr/bin/tcc -B/tcc/usr/lib/x86_64-linux-gnu/tcc -Wall -Werror -DEPOCH="${SOURCE_DATE_EPOCH}l" \
  -shared -nostdlib -o /clock/clock.so "$own"/build/clock.c "$library"
[ "$(LD_PRELOAD=/clock/clock.so date +%s)" = "$SOURCE_DATE_EPOCH" ] || fail 'the clock of the steps does not show SOURCE_DATE_EPOCH'
