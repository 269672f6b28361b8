// A draft of Dockerfile: nothing of it has been built yet.
// line 1: "debian" is another release every two years: this is trixie; --suite takes another
import { apt, debian, defineRecipe, pip, run } from 'stillroom'

export default defineRecipe({
  base: debian('trixie'),
  steps: [
    // line 2: an upgrade is not needed: locking takes the newest of the suite and its updates
    apt(['python3-pip', 'git', 'curl'], { recommends: true }),
    pip(['toolz']),
    run('echo "export EDITOR=vi" >> /etc/bash.bashrc'),
  ],
  cmd: ['bash'],
  volumes: ['/data'],
})
