// A draft of Dockerfile: nothing of it has been built yet.
import { debian, defineRecipe, run } from 'stillroom'

export default defineRecipe({
  base: debian('bookworm'),
  steps: [
    run('usermod -aG audio app'),
    run(`exec setpriv --reuid=app --regid=app --init-groups /bin/sh -ec 'export HOME=/home/app
mkdir -p /home/app/work && cd /home/app/work
echo "export A=1" >> ~/.profile'`),
  ],
  user: { name: 'app', uid: 1234, home: '/home/app' },
  workdir: '/home/app/work',
  entrypoint: ['/bin/bash', '-l'],
})
