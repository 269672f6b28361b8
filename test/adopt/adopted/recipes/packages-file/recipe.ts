// A draft of Dockerfile: nothing of it has been built yet.
import { debian, defineRecipe, project } from 'stillroom'

export default defineRecipe({
  base: debian('bookworm'),
  steps: [
    // TODO line 2: put packages.txt into files/tmp/packages.txt
    project('files/tmp', { to: '/opt/stillroom-files/tmp' }),
    // TODO line 3: this needs the network, and a build has none; instead: apt(['NAME', ...])
    //   xargs -a /tmp/packages.txt apt-get install -y
    // TODO line 4: this needs the network, and a build has none; instead: apt(['NAME', ...])
    //   apt-get install -y $(cat /tmp/packages.txt)
  ],
})
