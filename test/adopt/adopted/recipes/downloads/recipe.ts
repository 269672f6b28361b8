// A draft of Dockerfile: nothing of it has been built yet.
import { apt, debian, defineRecipe, file, run } from 'stillroom'

export default defineRecipe({
  base: debian('bookworm'),
  steps: [
    apt(['ca-certificates', 'curl', 'wget', 'unzip', 'xz-utils', 'make', 'gcc', 'libc6-dev']),
    // from source, as there is no package
    file('https://example.org/solver-1.4.tar.gz', { to: '/opt/downloads/tmp', unpack: true }),
    // line 7: it may delete files of an earlier layer: layout: 'flat' makes one layer
    run(`mkdir -p /tmp && cp -R /opt/downloads/tmp/. /tmp
cd /tmp/solver-1.4
make
make install
cd ..
rm -rf solver-*`),
    file('https://example.org/meshes.tar.xz', { to: '/srv', unpack: true }),
    file('https://example.org/data.zip', { to: '/srv/data', unpack: true }),
    file('https://example.org/run.sh', { to: '/usr/local/bin/run', mode: '0755' }),
    file('https://example.org/model.bin', { to: '/models/model.bin', mode: '0600' }),
  ],
  cmd: ['run'],
  layout: 'flat',
})
