// A draft of Dockerfile: nothing of it has been built yet.
import { apt, debian, defineRecipe, run } from 'stillroom'

export default defineRecipe({
  base: debian('bookworm'),
  steps: [
    apt(['curl', 'jq', 'less', 'ca-certificates']),
    // TODO line 10: this needs the network, and a build has none; instead: apt(['NAME', ...])
    //   if [ -n "$WITH_DOCS" ]; then apt-get install -y man-db; fi
    // TODO line 18: this needs the network, and a build has none; instead: file('https://...', { to: '/...', sha256: '...' }), and a run step for what follows
    //   curl -fsSL "$url" -o /tmp/tool.tgz
    run(`set +u
export TOOLS='curl jq less'
export MODE=''
arch="$(dpkg --print-architecture)"
case "$arch" in       amd64) url=https://example.org/tool-x86_64.tar.gz sha=0000000000000000000000000000000000000000000000000000000000000000 ;;       arm64) url=https://example.org/tool-aarch64.tar.gz sha=1111111111111111111111111111111111111111111111111111111111111111 ;;       *) echo >&2 "unsupported: $arch"; exit 1 ;;     esac
echo "$sha  /tmp/tool.tgz" | sha256sum -c
tar -C /usr/local -xzf /tmp/tool.tgz`),
    // TODO line 19: TARGETPLATFORM has no value: give --build-arg TARGETPLATFORM=...
    run(`set +u
export TOOLS='curl jq less'
export MODE=''
echo "\${TARGETPLATFORM:-linux/$(dpkg --print-architecture)} $MODE" > /etc/platform`),
  ],
  env: { TOOLS: 'curl jq less', MODE: '' },
  cmd: ['jq', '--version'],
})
