// A draft of Dockerfile: nothing of it has been built yet.
import { apt, debian, defineRecipe, pip, run } from 'stillroom'

export default defineRecipe({
  base: debian('bookworm'),
  steps: [
    apt(['python3-pip'], { recommends: true }),
    pip(['six==1.16.0', 'numpy<2']),
    // TODO line 9: TOKEN has no value: give --build-arg TOKEN=...
    run(`set +u
export PATH=/opt/app/bin:/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin
export PREFIX=/opt/app
echo "$TOKEN $PREFIX" > /etc/app.conf`),
  ],
  env: {
    PREFIX: '/opt/app',
    PATH: '/opt/app/bin:/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin',
  },
})
