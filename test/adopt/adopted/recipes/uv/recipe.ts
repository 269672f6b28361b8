// A draft of Dockerfile: nothing of it has been built yet.
import { apt, debian, defineRecipe, pip } from 'stillroom'

export default defineRecipe({
  base: debian('trixie'),
  steps: [apt(['python3-pip']), pip(['numpy'])],
  user: { name: 'runner', uid: 1500, home: '/home/runner' },
})
