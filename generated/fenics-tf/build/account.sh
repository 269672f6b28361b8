# Makes the recipe's user and the directories it works in.
. /.stillroom/build/layer.sh
begin
for database in passwd group shadow gshadow; do
  if [ -f "$own/step/$database" ]; then cat "$own/step/$database" >> /etc/$database; fi
done
while read -r owner path; do
  # a parent that does not exist yet belongs to root
  mkdir -p "$path"
  chown "$owner:$owner" "$path"
done < "$own"/step/directories.txt
finish "$1"
