// A draft of Dockerfile: nothing of it has been built yet.
import { apt, debian, defineRecipe, project, run } from 'stillroom'

export default defineRecipe({
  base: debian('bookworm'),
  steps: [
    apt(['curl'], { recommends: true }),
    // TODO line 2: this needs the network, and a build has none; instead: file('https://...', { to: '/...', sha256: '...' }), and a run step for what follows
    //   curl -fsSL https://example.org/setup_20.x | bash -
    apt(['nodejs'], { recommends: true }),
    // TODO line 3: put the build context into files/srv
    project('files/srv', { to: '/opt/stillroom-files/srv' }),
    run('mkdir -p /srv && cp -R /opt/stillroom-files/srv/. /srv'),
    // TODO line 5: this needs the network, and a build has none; instead: run it where there is a network, and place what it makes with project() or file()
    //   npm install
    // TODO line 5: this needs the network, and a build has none; instead: run it where there is a network, and place what it makes with project() or file()
    //   npm run build
  ],
  workdir: '/srv',
  cmd: ['npm', 'start'],
})
