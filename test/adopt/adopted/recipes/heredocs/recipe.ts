// A draft of Dockerfile: nothing of it has been built yet.
import { apt, debian, defineRecipe, run } from 'stillroom'

export default defineRecipe({
  base: debian('bookworm'),
  steps: [
    apt(['python3', 'jq']),
    run(`mkdir -p /etc/app
printf %s 'key = "$value"
' > /etc/app/ONE`),
    run(`mkdir -p /etc/app
printf %s 'app = "/srv/app"
' > /etc/app/TWO`),
    run(`export APP=/srv/app
python3 <<'PY'
with open("/etc/app/made", "w") as f:
    f.write("made\\n")
PY`),
    run(`export APP=/srv/app
cat <<EOF > /etc/one && cat <<EOF2 | tee /etc/two
one $((1 + 1))
EOF
two
EOF2`),
    run(`mkdir -p /usr/local/bin
printf %s '#!/bin/sh
exec cat /etc/app/*
' > /usr/local/bin/go`),
    run('chmod 0755 /usr/local/bin/go'),
  ],
  env: { APP: '/srv/app' },
  cmd: ['go'],
})
