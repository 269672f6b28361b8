// A draft of Dockerfile: nothing of it has been built yet.
import { apt, debian, defineRecipe } from 'stillroom'

export default defineRecipe({
  base: debian('bookworm'),
  steps: [apt(['r-base'], { recommends: true })],
})
