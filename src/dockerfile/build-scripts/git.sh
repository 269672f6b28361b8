# Places files of a git repository: `git.sh STEP NAME DIRECTORY OWNER SUBDIR`, where SUBDIR is `.` for all of them.
# The list beside it names the directory and those above it that are the owner's too.
# shellcheck source=layer.sh
. /.stillroom/build/layer.sh
begin
make_directories < "$own"/step/directories.txt
if [ "$5" = . ]; then
  tar -xf "$own"/artifacts/tree.tar -C "$3" --no-same-owner --no-same-permissions
else
  slashes=$(printf %s "$5" | tr -cd / | wc -c)
  tar -xf "$own"/artifacts/tree.tar -C "$3" --no-same-owner --no-same-permissions \
    --strip-components=$((slashes + 1)) --no-wildcards -- "$5"
fi
chown -R -h -- "$4" "$3"
find "$3" -print0 | xargs -0 touch -h -d "@$SOURCE_DATE_EPOCH" --
# where it comes from, for whoever looks into the image
mkdir -p /usr/share/stillroom/git
install -m 644 "$own"/step/origin.json "/usr/share/stillroom/git/$2.json"
finish "$1"
