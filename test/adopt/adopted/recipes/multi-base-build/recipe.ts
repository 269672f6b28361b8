// A draft of Dockerfile, stage "build": nothing of it has been built yet.
import { apt, debian, defineRecipe, run } from 'stillroom'

export default defineRecipe({
  base: debian('bookworm'),
  steps: [
    apt(['ca-certificates']),
    apt(['make', 'gcc', 'libc6-dev']),
    run(`export APP_HOME=/srv/app
export LC_ALL=C.UTF-8
mkdir -p /srv/app && cd /srv/app
mkdir -p out
printf 'all:\\n\\techo built > out/result\\n' > Makefile
make`),
  ],
  workdir: '/srv/app',
  env: { APP_HOME: '/srv/app', LC_ALL: 'C.UTF-8' },
})
