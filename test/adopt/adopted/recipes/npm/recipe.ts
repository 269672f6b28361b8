// A draft of Dockerfile: nothing of it has been built yet.
import { apt, debian, defineRecipe, project } from 'stillroom'

export default defineRecipe({
  base: debian('bookworm'),
  steps: [
    apt(['nodejs', 'npm'], { recommends: true }),
    // TODO line 4: put package.json into files/srv-app/package.json
    // TODO line 4: put package-lock.json into files/srv-app/package-lock.json
    project('files/srv-app', { to: '/srv/app' }),
    // TODO line 5: this needs the network, and a build has none; instead: run it where there is a network, and place what it makes with project() or file()
    //   npm ci
    // line 6: an image of a recipe has no health check: it is the task "healthcheck"
    // TODO line 9: a recipe has no stop signal: give it when a container is started
    //   STOPSIGNAL SIGQUIT
  ],
  workdir: '/srv/app',
  cmd: ['/bin/sh', '-c', 'node server.js'],
  expose: ['3000/tcp', '9229/tcp'],
  volumes: ['/data'],
  tasks: {
    healthcheck: {
      description: 'The HEALTHCHECK of the Dockerfile',
      command: ['/bin/sh', '-c', 'curl -f http://localhost:3000/ || exit 1'],
    },
  },
})
