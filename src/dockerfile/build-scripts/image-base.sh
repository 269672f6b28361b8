# Puts the base's layers over each other in /target, as a container would see them (OCI image specification, "Applying
# Changesets"), with the base's own shell and tar. Here / is the layers unpacked one over the other, deletions and all:
# good enough to run these programs.
# shellcheck source=layer.sh
. /.stillroom/build/layer.sh
target=/target
mkdir -p $target
attributes=
if tar --help | grep -q xattrs-include; then attributes='--xattrs --xattrs-include=*'; fi

# What the layer at hand deletes, and what stands in the way of its members: a directory where it has none, or none
# where it has one. Paths have no line break and no `..`, and nothing lies below a symlink: the lock was refused else.
make_way() {
  while IFS= read -r member; do
    name=${member#./}
    name=${name%/}
    base=${name##*/}
    parent=$target/${name%"$base"}
    case $base in
      .wh..wh..opq) if [ -d "$parent" ]; then find "$parent" -mindepth 1 -delete; fi ;;
      .wh.*) rm -rf -- "$parent${base#.wh.}" ;;
    esac
  done
}
replace() {
  while IFS= read -r member; do
    name=${member#./}
    name=${name%/}
    if [ -z "$name" ] || [ "$name" = . ]; then continue; fi
    case $member in
      */) if [ -L "$target/$name" ] || { [ -e "$target/$name" ] && [ ! -d "$target/$name" ]; }; then rm -f -- "$target/$name"; fi ;;
      *) if [ -d "$target/$name" ] && [ ! -L "$target/$name" ]; then rm -rf -- "${target:?}/$name"; fi ;;
    esac
  done
}

for layer in "$own"/artifacts/*.tar; do
  tar -tf "$layer" --quoting-style=literal > "$own"/members
  make_way < "$own"/members
  replace < "$own"/members
  # shellcheck disable=SC2086 # two words
  tar -C $target -xpf "$layer" --numeric-owner --same-owner $attributes --exclude='.wh.*'
done
mkdir -p $target/proc $target/sys $target/dev
scrub $target
clamp $target
