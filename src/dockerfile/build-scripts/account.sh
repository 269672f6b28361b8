# Makes the recipe's user and the directories it works in.
# shellcheck source=layer.sh
. /.stillroom/build/layer.sh
begin
for database in passwd group shadow gshadow; do
  if [ -f "$own/step/$database" ]; then cat "$own/step/$database" >> /etc/$database; fi
done
make_directories < "$own"/step/directories.txt
finish "$1"
