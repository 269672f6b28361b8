# Places a tree of the recipe's repository: `project.sh STEP DIRECTORY OWNER`. The list beside it names the directory
# and those above it that are the owner's too.
# shellcheck source=layer.sh
. /.stillroom/build/layer.sh
begin
make_directories < "$own"/step/directories.txt
tar -xf "$own"/artifacts/project.tar -C "$2" --no-same-owner --no-same-permissions
chown -R -h -- "$3" "$2"
find "$2" -print0 | xargs -0 touch -h -d "@$SOURCE_DATE_EPOCH" --
finish "$1"
