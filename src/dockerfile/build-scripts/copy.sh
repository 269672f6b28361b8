# Places a file or a directory of another recipe's image: `copy.sh STEP PATH TO`. That image is mounted, read-only; what is
# placed is as it is there: owners, permissions, times and attributes. The list beside it names the directory above and
# those above that which are the user's.
# shellcheck source=layer.sh
. /.stillroom/build/layer.sh
begin
from=$own/image${2%/} to=$3
make_directories < "$own"/step/directories.txt
if [ -d "$from" ] && [ -d "$to" ]; then
  attributes=
  if tar --help | grep -q xattrs-include; then attributes='--xattrs --xattrs-include=*'; fi
  # a directory that is there stays as it is
  # shellcheck disable=SC2086 # two words
  tar -C "$from" --sort=name --numeric-owner $attributes -cf - . |
    tar -C "$to" --numeric-owner --same-owner $attributes -xpf - --no-overwrite-dir --keep-directory-symlink
else
  [ ! -d "$to" ] || fail "$to is a directory, and $2 a file: name the path of the file itself"
  cp -a --remove-destination -- "$from" "$to"
fi
finish "$1"
