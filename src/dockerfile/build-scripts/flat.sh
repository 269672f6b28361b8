# Collects the whole tree for an image of one layer.
# shellcheck source=layer.sh
. /.stillroom/build/layer.sh
delta=$own/delta/flat
record > $own/all
collect "$delta" $own/all /dev/null
rm $own/all
# mount points are not collected; the tree has them all the same, empty
for directory in proc sys dev; do
  mkdir -p "$delta/$directory"
  chmod 755 "$delta/$directory"
done
clamp "$delta"
