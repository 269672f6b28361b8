// A draft of Dockerfile, stage "deps": nothing of it has been built yet.
import { defineRecipe, image, project } from 'stillroom'

export default defineRecipe({
  base: image('node:20-bookworm-slim'),
  steps: [
    // TODO line 3: put package*.json into files/app
    project('files/app', { to: '/app' }),
    // TODO line 4: this needs the network, and a build has none; instead: run it where there is a network, and place what it makes with project() or file()
    //   npm ci --omit=dev
  ],
  workdir: '/app',
})
