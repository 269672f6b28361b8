// A draft of Dockerfile: nothing of it has been built yet.
import { apt, debian, defineRecipe, run } from 'stillroom'

export default defineRecipe({
  base: debian('bookworm'),
  steps: [
    // explicitly set user/group IDs
    run(`groupadd -r postgres --gid=999
useradd -r -g postgres --uid=999 --home-dir=/var/lib/postgresql --shell=/bin/bash postgres
mkdir -p /var/lib/postgresql
chown -R postgres:postgres /var/lib/postgresql`),
    apt(['wget']),
    // TODO line 13: this needs the network, and a build has none; instead: file('https://...', { to: '/...', sha256: '...' }), and a run step for what follows
    //   wget -O /usr/local/bin/gosu "https://example.org/gosu-$dpkgArch"
    run(`dpkgArch="$(dpkg --print-architecture | awk -F- '{ print $NF }')"
chmod +x /usr/local/bin/gosu`),
    // TODO line 17: a recipe has no stop signal: give it when a container is started
    //   STOPSIGNAL SIGINT
  ],
  env: { PGDATA: '/var/lib/postgresql/data' },
  cmd: ['postgres'],
  expose: ['5432/tcp'],
  volumes: ['/var/lib/postgresql/data'],
})
