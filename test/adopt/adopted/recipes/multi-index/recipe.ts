// A draft of Dockerfile, the stage of line 9: nothing of it has been built yet.
import { copy, debian, defineRecipe, recipe } from 'stillroom'

export default defineRecipe({
  base: debian('bookworm'),
  steps: [
    copy(recipe('multi-index-stage-0'), { path: '/opt/stillroom-files/1', to: '/usr/local/bin' }),
    copy(recipe('multi-index-stage-0'), { path: '/opt/stillroom-files/2', to: '/usr/local/share' }),
  ],
  cmd: ['one'],
})
