// A draft of Dockerfile: nothing of it has been built yet.
import { apt, debian, defineRecipe, project } from 'stillroom'

export default defineRecipe({
  base: debian('bookworm'),
  steps: [
    // TODO line 2: put packages.txt into files/tmp/packages.txt
    project('files/tmp', { to: '/opt/stillroom-files/tmp' }),
    apt(['jq', 'make'], { recommends: true }),
    apt(['jq', 'make'], { recommends: true }),
  ],
})
