// A draft of Dockerfile: nothing of it has been built yet.
import { apt, debian, defineRecipe, run } from 'stillroom'

export default defineRecipe({
  base: debian('bookworm'),
  steps: [
    apt(['jq'], { recommends: true }),
    apt(['make'], { recommends: true }),
    run('if [ "$(uname -m)" = "x86_64" ]; then echo amd64 > /etc/arch; else echo other > /etc/arch; fi'),
    run(`(cd /opt && touch x)
{ echo a; echo b; } > /opt/y`),
  ],
})
