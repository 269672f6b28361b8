// A draft of Dockerfile: nothing of it has been built yet.
import { apt, debian, defineRecipe, run } from 'stillroom'

export default defineRecipe({
  base: debian('bookworm'),
  steps: [
    apt(['less', 'man-db']),
    // line 5: it may delete files of an earlier layer: layout: 'flat' makes one layer
    run(`export DEBIAN_FRONTEND=noninteractive
rm -rf /usr/share/doc/* /usr/share/man/* /usr/share/info/* /var/lib/apt/lists/* /tmp/* /var/tmp/*`),
    run(`export DEBIAN_FRONTEND=noninteractive
find /usr/share/locale -mindepth 1 -maxdepth 1 ! -name 'en*' -exec rm -rf {} +`),
  ],
  env: { DEBIAN_FRONTEND: 'noninteractive' },
  cmd: ['less', '--version'],
  layout: 'flat',
})
