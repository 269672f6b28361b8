// A draft of Dockerfile: nothing of it has been built yet.
import { debian, defineRecipe, run } from 'stillroom'

export default defineRecipe({
  base: debian('bookworm'),
  steps: [
    run(`echo a
echo b`),
    // TODO line 6: a recipe has nothing for images that stand on it
    //   ONBUILD RUN echo c
  ],
  env: { A: '1 2 3' },
  labels: { maintainer: 'someone' },
})
