// A draft of Dockerfile, the stage of line 9: nothing of it has been built yet.
import { copy, debian, defineRecipe, recipe } from 'stillroom'

export default defineRecipe({
  base: debian('bookworm'),
  steps: [copy(recipe('multi-unused-tools'), { path: '/data', to: '/data' })],
  cmd: ['cat', '/data/answer.json'],
})
