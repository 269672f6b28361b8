// A draft of Dockerfile, the stage of line 6: nothing of it has been built yet.
import { apt, copy, debian, defineRecipe, project, recipe } from 'stillroom'

export default defineRecipe({
  base: debian('bookworm'),
  steps: [
    apt(['nodejs', 'npm']),
    copy(recipe('node-site-deps'), { path: '/app/node_modules', to: '/app/node_modules' }),
    // TODO line 10: put the build context into files/app
    project('files/app', { to: '/app' }),
    // TODO line 11: this needs the network, and a build has none; instead: run it where there is a network, and place what it makes with project() or file()
    //   npm run build --if-present
    // TODO line 12: a recipe makes its user itself, with a number of its own: user: { name, uid, home }
    //   USER node
    // TODO line 14: a recipe has no stop signal: give it when a container is started
    //   STOPSIGNAL SIGTERM
  ],
  workdir: '/app',
  cmd: ['/bin/sh', '-c', 'node server.js'],
  expose: ['3000/tcp', '9229/tcp'],
})
