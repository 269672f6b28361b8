# `sdist.sh PROJECT FILE`: makes a wheel of a source distribution, in /.stillroom/wheels, from which the step takes it.
# shellcheck source=layer.sh
. /.stillroom/build/layer.sh
# shellcheck source=pip-settings.sh
. $own/build/pip-settings.sh
files=$own/artifacts
builders=$own/builders
requirements=$own/step/build-$1.txt
if [ -s "$requirements" ]; then
  steadily python3 -m pip install --quiet --target "$builders" --no-deps --require-hashes --find-links "$files" \
    --requirement "$requirements" < /dev/null
fi
steadily env PYTHONPATH="$builders" python3 -m pip wheel --quiet --no-deps --no-build-isolation \
  --wheel-dir $own/wheels "$files/$2" < /dev/null
