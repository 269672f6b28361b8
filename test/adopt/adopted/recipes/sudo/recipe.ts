// A draft of Dockerfile: nothing of it has been built yet.
import { apt, debian, defineRecipe, run } from 'stillroom'

export default defineRecipe({
  base: debian('bookworm'),
  steps: [
    apt(['sudo'], { recommends: true }),
    apt(['vim'], { recommends: true }),
    run('sudo -E mkdir /x'),
    apt(['nano'], { recommends: true }),
    run("/bin/echo 'a b' 'it'\\''s'"),
  ],
})
