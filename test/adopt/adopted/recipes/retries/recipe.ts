// A draft of Dockerfile: nothing of it has been built yet.
import { apt, debian, defineRecipe, run } from 'stillroom'

export default defineRecipe({
  base: debian('bookworm'),
  steps: [
    // TODO line 2: this needs the network, and a build has none; instead: apt(['NAME', ...])
    //   for i in 1 2 3; do apt-get update && apt-get install -y jq && break; sleep 5; done
    apt(['make'], { recommends: true }),
    run('if [ "$(uname -m)" = "x86_64" ]; then echo amd64 > /etc/arch; else echo other > /etc/arch; fi'),
    run(`(cd /opt && touch x)
{ echo a; echo b; } > /opt/y`),
  ],
})
