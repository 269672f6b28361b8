// A draft of Dockerfile: nothing of it has been built yet.
import { apt, debian, defineRecipe, run } from 'stillroom'

export default defineRecipe({
  base: debian('bookworm'),
  steps: [
    apt(['locales']),
    run(`sed -i 's/# en_US.UTF-8/en_US.UTF-8/' /etc/locale.gen
locale-gen`),
  ],
  env: { LANG: 'en_US.UTF-8', LC_ALL: 'en_US.UTF-8' },
})
