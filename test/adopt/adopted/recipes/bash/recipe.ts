// A draft of Dockerfile: nothing of it has been built yet.
import { debian, defineRecipe, run } from 'stillroom'

export default defineRecipe({
  base: debian('bookworm'),
  steps: [
    run(`exec /bin/bash -o pipefail -c 'set -e
set +u
for f in a b; do echo "$f" >> /etc/list; done
ls /etc | grep list'`),
    run(`exec /bin/bash -o pipefail -c 'set -e
source /etc/profile && env > /etc/seen'`),
  ],
})
