# Collects the whole tree for an image of one layer.
. /.stillroom/build/layer.sh
delta=$own/delta/flat
collect $delta
