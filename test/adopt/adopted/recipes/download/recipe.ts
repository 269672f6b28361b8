// A draft of Dockerfile: nothing of it has been built yet.
import { apt, debian, defineRecipe, file, run } from 'stillroom'

export default defineRecipe({
  base: debian('bookworm'),
  steps: [
    apt(['curl', 'xz-utils'], { recommends: true }),
    file('https://example.org/tool-1.2.tar.gz', {
      to: '/opt/tool',
      sha256: '0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef',
      unpack: true,
      strip: 1,
    }),
    run('mkdir -p /opt/tool'),
    file('https://example.org/other.tar.xz', { to: '/opt', unpack: true }),
    file('https://example.org/tini', { to: '/usr/local/bin/tini', mode: '0755' }),
    file('https://example.org/model.bin', { to: '/models/model.bin', mode: '0600' }),
    file('https://example.org/setup.sh', { to: '/opt/downloads/setup.sh' }),
    run(`mkdir -p /tmp && cp /opt/downloads/setup.sh /tmp/setup.sh
sh /tmp/setup.sh --quiet`),
  ],
})
