// A draft of Dockerfile, the stage of line 1: nothing of it has been built yet.
import { debian, defineRecipe, run } from 'stillroom'

export default defineRecipe({
  base: debian('bookworm'),
  steps: [
    run(`mkdir -p /dist/bin /dist/share
printf '#!/bin/sh\\necho one\\n' > /dist/bin/one
printf '#!/bin/sh\\necho two\\n' > /dist/bin/two
chmod +x /dist/bin/*
echo text > /dist/share/readme.txt`),
    // line 10: what the recipe of another stage takes
    run(`mkdir -p /opt/stillroom-files/1
for each in /dist/bin/one /dist/bin/two; do
  if [ -d "$each" ]; then cp -a "$each"/. /opt/stillroom-files/1/; else cp -aH "$each" /opt/stillroom-files/1/; fi
done`),
    // line 11: what the recipe of another stage takes
    run(`mkdir -p /opt/stillroom-files/2
for each in /dist/share/*.txt; do
  if [ -d "$each" ]; then cp -a "$each"/. /opt/stillroom-files/2/; else cp -aH "$each" /opt/stillroom-files/2/; fi
done`),
  ],
})
