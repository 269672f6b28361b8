// A draft of Dockerfile: nothing of it has been built yet.
import { apt, defineRecipe, image, pip } from 'stillroom'

export default defineRecipe({
  base: image('ubuntu:22.04'),
  steps: [
    // line 3: an upgrade is not needed: locking takes the newest of the suite and its updates
    apt(['python3', 'python3-pip'], { recommends: true }),
    // line 4: the pip of the image installs, and is not replaced
    pip(['setuptools']),
    pip(['scipy']),
  ],
  env: { DEBIAN_FRONTEND: 'noninteractive' },
})
