// A draft of Dockerfile: nothing of it has been built yet.
import { apt, debian, defineRecipe, run } from 'stillroom'

export default defineRecipe({
  base: debian('bookworm'),
  steps: [
    // TODO line 2: this needs the network, and a build has none; instead: file('https://...', { to: '/...', sha256: '...' }), and a run step for what follows
    //   curl -sSL https://install.example.org | bash
    apt(['wget'], { recommends: true }),
    run(`date > /etc/built
uname -a`),
    run('test -f /x || echo none'),
  ],
})
