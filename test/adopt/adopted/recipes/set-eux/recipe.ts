// A draft of Dockerfile: nothing of it has been built yet.
import { apt, debian, defineRecipe, run } from 'stillroom'

export default defineRecipe({
  base: debian('bookworm'),
  steps: [
    apt(['ca-certificates', 'xz-utils']),
    // line 7: packages are not purged, as a build wants to find those of the lock: to leave out what only the build needs, take what was made from a recipe of its own by copy()
    run(`find /usr/local -type f -executable -print
xz --version`),
  ],
  cmd: ['xz', '--version'],
})
