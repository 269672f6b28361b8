// A draft of Dockerfile: nothing of it has been built yet.
import { debian, defineRecipe, run } from 'stillroom'

export default defineRecipe({
  base: debian('bookworm'),
  steps: [
    // explicitly set user/group IDs
    run(`groupadd -r postgres --gid=999
useradd -r -g postgres --uid=999 --home-dir=/var/lib/postgresql --shell=/bin/bash postgres
mkdir -p /var/lib/postgresql
chown -R postgres:postgres /var/lib/postgresql`),
    // TODO line 9: a part of this is to be taken out: this needs the network, and a build has none; instead: apt(['NAME', ...])
    //   savedAptMark="$(apt-mark showmanual)"; apt-get update; apt-get install -y --no-install-recommends wget; dpkgArch="$(dpkg --print-architecture | awk -F- '{ print $NF }')"; wget -O /usr/local/bin/gosu "https://example.org/gosu-$dpkgArch"; chmod +x /usr/local/bin/gosu
    // TODO line 17: a recipe has no stop signal: give it when a container is started
    //   STOPSIGNAL SIGINT
  ],
  env: { PGDATA: '/var/lib/postgresql/data' },
  cmd: ['postgres'],
  expose: ['5432/tcp'],
  volumes: ['/var/lib/postgresql/data'],
})
