// A draft of Dockerfile: nothing of it has been built yet.
import { debian, defineRecipe, run } from 'stillroom'

export default defineRecipe({
  base: debian('bookworm'),
  steps: [
    run(`mkdir -p /etc/app
printf %s '# what the program reads
name = "app"
path = $HOME/data
' > /etc/app/app.conf`),
    run(`set +u
<<EOT bash
  set -eu
  mkdir -p /srv/app
  for i in 1 2 3; do
    echo "line $i" >> /srv/app/lines
  done
EOT`),
    run(`mkdir -p /usr/local/bin
printf %s '#!/bin/sh
exec cat /srv/app/lines /etc/app/app.conf
' > /usr/local/bin/start`),
    run('chmod 755 /usr/local/bin/start'),
  ],
  entrypoint: ['start'],
})
