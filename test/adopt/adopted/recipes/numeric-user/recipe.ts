// A draft of Dockerfile: nothing of it has been built yet.
import { debian, defineRecipe, run } from 'stillroom'

export default defineRecipe({
  base: debian('bookworm'),
  steps: [
    run(`mkdir /data
chown 1001 /data`),
    // TODO line 3: a recipe makes its user itself, with a number of its own: user: { name, uid, home }
    //   USER 1001
  ],
  cmd: ['sleep', 'inf'],
})
