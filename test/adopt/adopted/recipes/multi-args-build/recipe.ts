// A draft of Dockerfile, stage "build": nothing of it has been built yet.
import { apt, debian, defineRecipe, run } from 'stillroom'

export default defineRecipe({
  base: debian('bookworm'),
  steps: [
    apt(['gcc', 'libc6-dev']),
    // line 10: it may delete files of an earlier layer: layout: 'flat' makes one layer
    run(`exec /bin/bash -o pipefail -c 'set -e
set +u
export PREFIX=/opt/tool
export VERSION=2.12
mkdir -p "\${PREFIX}/bin"
echo "int main(void) { return \${VERSION%%.*}; }" | gcc -x c -o "\${PREFIX}/bin/version" -
apt-get purge -y --auto-remove gcc libc6-dev'`),
  ],
  layout: 'flat',
})
