// A draft of Dockerfile, the stage of line 14: nothing of it has been built yet.
import { copy, debian, defineRecipe, recipe } from 'stillroom'

export default defineRecipe({
  base: debian('bookworm'),
  steps: [
    // only what was compiled
    copy(recipe('multi-compile-builder'), { path: '/src/hello', to: '/usr/local/bin/hello' }),
  ],
  cmd: ['hello'],
})
