# Places a download: `file.sh STEP place PATH OWNER MODE`, or unpacks it: `file.sh STEP unpack DIRECTORY OWNER STRIP`.
# The list beside it names the directory and those above it that are the owner's too.
# shellcheck source=layer.sh
. /.stillroom/build/layer.sh
begin
step=$1 way=$2 to=$3 owner=$4
content=$own/artifacts/content
make_directories < "$own"/step/directories.txt

# expand PROGRAM MODULE: uncompresses by a program of the image, or else by a module of its Python.
expand() {
  if command -v "$1" > /dev/null; then
    "$1" -dc < "$content" > "$own"/plain.tar || fail "$to: $1 cannot uncompress the file"
  elif [ "$2" != - ] && python3 -S -c "import $2" 2> /dev/null; then
    python3 -S -c "import $2, shutil, sys; shutil.copyfileobj($2.open(sys.argv[1]), sys.stdout.buffer)" "$content" \
      > "$own"/plain.tar || fail "$to: Python cannot uncompress the file"
  else
    fail "$to: the image has no $1 to uncompress the file with: install it in a step before"
  fi
  archive=$own/plain.tar
}

# A zip's files, with permissions, links and times, by Python; links last, so that nothing is written through one.
unzip_by_python() {
  python3 -S - "$content" "$1" <<'PYTHON'
import calendar, os, stat, sys, zipfile
links = []
with zipfile.ZipFile(sys.argv[1]) as archive:
    for member in archive.infolist():
        mode = member.external_attr >> 16
        path = archive.extract(member, sys.argv[2])
        if stat.S_ISLNK(mode):
            links.append((path, archive.read(member)))
        else:
            time = calendar.timegm(member.date_time + (0, 0, 0))
            os.utime(path, (time, time))
            if stat.S_IMODE(mode):
                os.chmod(path, stat.S_IMODE(mode) & 0o755)
for path, target in links:
    os.remove(path)
    os.symlink(target, path.encode())
PYTHON
}

unpack() {
  strip=$1
  archive=$content
  case $(od -An -N6 -tx1 "$content" | tr -d ' \n') in
    1f8b*) expand gzip gzip ;;
    425a68*) expand bzip2 bz2 ;;
    fd377a585a00) expand xz lzma ;;
    28b52ffd*) expand zstd - ;;
    504b0304* | 504b0506*)
      mkdir "$own"/zip
      if command -v unzip > /dev/null; then
        TZ=UTC unzip -q -o "$content" -d "$own"/zip < /dev/null || [ $? -eq 1 ] || fail "$to: unzip cannot unpack the file"
      elif command -v python3 > /dev/null; then
        unzip_by_python "$own"/zip || fail "$to: Python cannot unpack the file"
      else
        fail "$to: the image has neither unzip nor Python to unpack the zip archive with: install one in a step before"
      fi
      tar -C "$own"/zip -cf "$own"/plain.tar .
      archive=$own/plain.tar
      strip=$((strip + 1)) # the dot
      ;;
  esac
  mkdir "$own"/unpacked
  tar -xf "$archive" -C "$own"/unpacked --strip-components="$strip" --no-same-owner --no-same-permissions < /dev/null ||
    fail "$to: the file is no archive that tar can unpack"
  [ -n "$(ls -A "$own"/unpacked)" ] || fail "$to: nothing is left of the archive when $1 leading parts are taken off its paths"
  chown -R -h -- "$owner" "$own"/unpacked
  # a directory that is there stays as it is, whatever the archive says of it
  tar -C "$own"/unpacked -cf "$own"/placed.tar .
  tar -C "$to" -xpf "$own"/placed.tar --no-overwrite-dir --keep-directory-symlink
  rm -rf "$own"/unpacked "$own"/zip "$own"/placed.tar "$own"/plain.tar
}

if [ "$way" = unpack ]; then
  unpack "$5"
else
  [ ! -d "$to" ] || fail "$to is a directory: name the path of the file itself"
  cp --remove-destination -- "$content" "$to"
  chown -- "$owner" "$to"
  chmod -- "$5" "$to"
fi
finish "$step"
