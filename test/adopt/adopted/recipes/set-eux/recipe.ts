// A draft of Dockerfile: nothing of it has been built yet.
import { debian, defineRecipe } from 'stillroom'

export default defineRecipe({
  base: debian('bookworm'),
  steps: [
    // TODO line 3: a part of this is to be taken out: this needs the network, and a build has none; instead: apt(['NAME', ...])
    //   savedAptMark="$(apt-mark showmanual)"; apt-get update; apt-get install -y --no-install-recommends ca-certificates xz-utils; rm -rf /var/lib/apt/lists/*; apt-mark auto '.*' > /dev/null; [ -z "$savedAptMark" ] || apt-mark manual $savedAptMark; find /usr/local -type f -executable -print; xz --version
  ],
  cmd: ['xz', '--version'],
})
