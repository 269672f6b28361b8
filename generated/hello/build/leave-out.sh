# Sourced by apt.sh: leaves out what packages make at installation and no image should have: the files that left-out.txt
# names, and private keys with their certificates. Only what this step made and no package brought.
own=/.stillroom

# Paths that the step made and no package has, one a line.
made_here() {
  record > "$own"/after
  for when in before after; do
    sed -z 's|^[^/]*||' "$own"/$when | tr '\0' '\n' | sort -T "$own" > "$own"/paths-$when
  done
  # packages may name the directories of a merged /usr by their old names
  cat /var/lib/dpkg/info/*.list | sed -E 's:^/(bin|sbin|lib[^/]*)/:/usr/\1/:' | sort -u -T "$own" > "$own"/owned
  comm -13 "$own"/paths-before "$own"/paths-after | comm -23 - "$own"/owned
}

# Patterns of sh as extended regular expressions; what lies below a path that matches goes with it.
as_expressions() { sed -E 's/[].+?(){}|^$\\[]/\\&/g; s/\*/[^\/]*/g; s|.*|^/&(/.*)?$|'; }

# Berkeley DB gives a database, such as /etc/aliases.db, an id made of its inode, of the process and of chance, by which open
# databases are told apart: here it is the end of its path. Page 0 has a magic number at 12 and the id at 52.
settle_databases() {
  # shellcheck disable=SC2016 # Perl's own
  tr '\n' '\0' < "$own"/made | xargs -0 -r perl -e '
    for my $path (@ARGV) {
      next if -l $path || ! -f _ || ! open my $file, "+<:raw", $path;
      next if read($file, my $head, 72) < 72;
      next if ! grep { $_ == unpack "x12 V", $head } 0x61561, 0x53162, 0x42253, 0x74582;
      my ($id, $new) = (substr($head, 52, 20), pack "a20", substr $path, -20);
      my $all = do { local $/; seek $file, 0, 0; <$file> };
      $all =~ s/\Q$id\E/$new/g;
      seek $file, 0, 0;
      print $file $all;
    }'
}

leave_out() {
  # passwords that packages asked for or made up, such as that of a directory's administrator
  if [ -s /var/cache/debconf/passwords.dat ]; then : > /var/cache/debconf/passwords.dat; fi
  made_here > "$own"/made
  settle_databases
  {
    as_expressions < "$own"/build/left-out.txt > "$own"/patterns
    grep -E -f "$own"/patterns "$own"/made || true
    # keys, and in their files' neighbourhood the certificates of the same name
    grep -v '^/var/lib/dpkg/' "$own"/made | tr '\n' '\0' |
      { xargs -0 -r grep -lsE -D skip -d skip -e '-----BEGIN ([A-Z0-9]+ )*PRIVATE KEY' -- || true; } > "$own"/keys
    while IFS= read -r path; do
      if [ -L "$path" ]; then continue; fi
      printf '%s\n' "$path"
      name=${path##*/}
      grep -xF -e "${path%.*}.pem" -e "${path%.*}.crt" -e "${path%/*/*}/certs/${name%.*}.pem" \
        -e "${path%/*/*}/certs/${name%.*}.crt" "$own"/made || true
    done < "$own"/keys
  } | sort -u > "$own"/left-out
  tr '\n' '\0' < "$own"/left-out | xargs -0 -r rm -rf --
  # links that led to one of them, such as those by a certificate's hash
  while IFS= read -r path; do
    if [ ! -L "$path" ] || [ -e "$path" ]; then continue; fi
    target=$(readlink -m -- "$path")
    if grep -qxF -e "$target" "$own"/left-out; then rm -- "$path"; fi
  done < "$own"/made
  rm -f "$own"/made "$own"/owned "$own"/patterns "$own"/keys "$own"/left-out "$own"/paths-*
}
