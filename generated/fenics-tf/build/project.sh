# Places a tree of the recipe's repository: `project.sh STEP DIRECTORY OWNER`.
. /.stillroom/build/layer.sh
begin
mkdir -p "$2"
tar -xf $own/artifacts/project.tar -C "$2" --no-same-owner --no-same-permissions
chown -R "$3" "$2"
find "$2" -print0 | xargs -0 touch -h -d "@$SOURCE_DATE_EPOCH" --
finish "$1"
