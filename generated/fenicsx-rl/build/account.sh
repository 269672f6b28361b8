# Makes the recipe's user and the directories it works in.
# shellcheck source=layer.sh
. /.stillroom/build/layer.sh
begin
for database in passwd group shadow gshadow; do
  [ -f "$own/step/$database" ] || continue
  # a base without the package passwd has no files of passwords yet
  case $database in
    *shadow)
      [ -e /etc/$database ] || install -m 640 -g shadow /dev/null /etc/$database 2> /dev/null ||
        install -m 600 /dev/null /etc/$database
      ;;
  esac
  cat "$own/step/$database" >> /etc/$database
done
make_directories < "$own"/step/directories.txt
finish "$1"
