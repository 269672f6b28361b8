// A draft of Dockerfile: nothing of it has been built yet.
import { apt, debian, defineRecipe, project, run } from 'stillroom'

export default defineRecipe({
  base: debian('bookworm'),
  steps: [
    apt(['cowsay']),
    run(`set +u
export greeting='hello world'
echo $greeting > /etc/greeting`),
    // TODO line 6: put run.sh into files/root/run.sh
    project('files/root', { to: '/opt/stillroom-files/root' }),
    run('mkdir -p / && cp -R /opt/stillroom-files/root/. /'),
    run('chmod 755 /run.sh'),
  ],
  env: { greeting: 'hello world' },
  entrypoint: ['/bin/sh', '-c', '/run.sh'],
  labels: { maintainer: 'Somebody <me@example.org>' },
  expose: ['80/tcp', '443/udp'],
})
