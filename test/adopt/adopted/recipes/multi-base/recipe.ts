// A draft of Dockerfile, stage "runtime": nothing of it has been built yet.
import { apt, copy, debian, defineRecipe, recipe, run } from 'stillroom'

export default defineRecipe({
  base: debian('bookworm'),
  steps: [
    apt(['ca-certificates']),
    // what the build made, into the directory of the base
    copy(recipe('multi-base-build'), { path: '/srv/app/out', to: '/srv/app' }),
    run(`set +u
export APP_HOME=/srv/app
export LC_ALL=C.UTF-8
mkdir -p /srv/app && cd /srv/app
echo "$APP_HOME" > /etc/app-home`),
  ],
  workdir: '/srv/app',
  env: { APP_HOME: '/srv/app', LC_ALL: 'C.UTF-8' },
  cmd: ['cat', '/srv/app/result'],
})
