// A draft of Dockerfile: nothing of it has been built yet.
import { apt, defineRecipe, image } from 'stillroom'

export default defineRecipe({
  base: image(
    'nvidia/cuda:12.2.0-runtime-ubuntu22.04@sha256:0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef',
  ),
  steps: [
    apt(['python3-pip'], { recommends: true }),
    // TODO line 3: this needs the network, and a build has none; instead: pip(['NAME==VERSION', ...])
    //   pip install torch --extra-index-url https://index.example.org/whl/cu121
  ],
})
