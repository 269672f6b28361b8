// A draft of Dockerfile, stage "build": nothing of it has been built yet.
import { apt, debian, defineRecipe, run } from 'stillroom'

export default defineRecipe({
  base: debian('bookworm'),
  steps: [
    apt(['gcc', 'libc6-dev']),
    // line 12: packages are not purged, as a build wants to find those of the lock: to leave out what only the build needs, take what was made from a recipe of its own by copy()
    run(`exec /bin/bash -o pipefail -c 'set -e
set +u
export PREFIX=/opt/tool
export VERSION=2.12
mkdir -p "\${PREFIX}/bin"
echo "int main(void) { return \${VERSION%%.*}; }" | gcc -x c -o "\${PREFIX}/bin/version" -'`),
  ],
})
