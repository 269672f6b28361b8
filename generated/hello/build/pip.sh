# Installs exactly the wheels at hand, and those that sdist.sh made of the source distributions that the recipe allows.
# shellcheck source=layer.sh
. /.stillroom/build/layer.sh
begin
# shellcheck source=pip-settings.sh
. $own/build/pip-settings.sh
files=$own/artifacts
step=$own/step
work=$own/pip
mkdir -p "$work"/wheels

for wheel in "$own"/built/*/*.whl; do
  if [ -f "$wheel" ]; then cp -- "$wheel" "$work"/wheels; fi
done

# directories that earlier steps placed: a wheel is built of a copy, so that the directory stays as it is
if [ -s "$step"/local.txt ]; then
  while IFS= read -r line; do
    rest=${line#* }
    [ "${line%% *}" = copy ] || continue
    rm -rf "$work"/local
    cp -a -- "${rest#* }" "$work"/local
    steadily python3 -m pip wheel --quiet --no-deps --no-build-isolation --wheel-dir "$work"/wheels "$work"/local < /dev/null
  done < "$step"/local.txt
fi

cp -- "$step"/requirements.txt "$work"/requirements.txt
if [ -s "$step"/built.txt ]; then
  # what was built here is what is there
  hashes=$(sha256sum -- "$work"/wheels/*.whl | sed 's/ .*//; s/^/--hash=sha256:/' | tr '\n' ' ')
  sed "s/\$/ $hashes/" "$step"/built.txt >> "$work"/requirements.txt
fi
if [ -s "$work"/requirements.txt ]; then
  steadily python3 -m pip install --quiet --no-deps --no-compile --no-warn-script-location --require-hashes \
    --find-links "$files" --find-links "$work"/wheels --requirement "$work"/requirements.txt
fi
# files are installed by name; pip notes as follows where one is from that is required by address (PEP 610)
if [ -s "$step"/direct.tsv ]; then
  python3 - "$step"/direct.tsv << 'PYTHON'
import base64, csv, hashlib, json, os, sys
def record_of(name):
    try:
        from importlib.metadata import distribution
        return next(str(f.locate()) for f in distribution(name).files if f.name == 'RECORD')
    except ImportError:
        from pkg_resources import get_distribution
        return os.path.join(get_distribution(name).egg_info, 'RECORD')
for line in open(sys.argv[1]):
    name, url, digest = line.rstrip('\n').split('\t')
    record = record_of(name)
    info = os.path.dirname(record)
    text = json.dumps({'archive_info': {'hash': 'sha256=' + digest, 'hashes': {'sha256': digest}}, 'url': url})
    with open(os.path.join(info, 'direct_url.json'), 'wb') as file:
        file.write(text.encode())
    value = base64.urlsafe_b64encode(hashlib.sha256(text.encode()).digest()).decode().rstrip('=')
    with open(record, 'a', newline='') as file:
        csv.writer(file).writerow((os.path.basename(info) + '/direct_url.json', 'sha256=' + value, len(text)))
PYTHON
fi
# what pip writes into an editable directory belongs to whom the directory does
if [ -s "$step"/local.txt ]; then
  while IFS= read -r line; do
    rest=${line#* }
    path=${rest#* }
    [ "${line%% *}" = editable ] || continue
    steadily python3 -m pip install --quiet --no-deps --no-compile --no-warn-script-location --no-build-isolation \
      --editable "$path" < /dev/null
    changes | python3 -S -c '
import os, sys
top = os.path.realpath(os.fsencode(sys.argv[1]))
owner = os.stat(top)
for record in sys.stdin.buffer.read().split(b"\0"):
    path = b"/" + record.partition(b"/")[2]
    if path.startswith(top + b"/"):
        os.lchown(path, owner.st_uid, owner.st_gid)
' "$path"
  done < "$step"/local.txt
fi
rm -rf "$work"
clean_up

compile '/usr/local/lib/python3[^/]*'

# Python's own account of it must agree with the lock
python3 - "$step/packages.tsv" <<'PYTHON' || fail "step $1: installed Python packages differ from the lock"
import sys
try:
    from importlib.metadata import version, PackageNotFoundError
except ImportError:
    from pkg_resources import get_distribution, DistributionNotFound as PackageNotFoundError
    def version(name): return get_distribution(name).version
def installed(name):
    try:
        return version(name)
    except PackageNotFoundError:
        return 'nothing'
found = [(name, expected, installed(name)) for name, expected in map(str.split, open(sys.argv[1]))]
# not before: Debian's pip puts packages of its own in front of those that are installed
from pip._vendor.packaging.version import InvalidVersion, Version
def same(a, b):
    try:
        return a == b or Version(a) == Version(b)
    except InvalidVersion:
        return False
wrong = ['%s: expected %s, got %s' % (name, expected, actual) for name, expected, actual in found if not same(actual, expected)]
sys.exit('\n'.join(wrong) or 0)
PYTHON
finish "$1"
