// A draft of Dockerfile, stage "source": nothing of it has been built yet.
import { apt, debian, defineRecipe, git, run } from 'stillroom'

export default defineRecipe({
  base: debian('bookworm'),
  steps: [
    apt(['git', 'ca-certificates', 'make', 'gcc', 'libc6-dev']),
    git('https://git.example.org/team/tool.git', { ref: 'v1.0', to: '/build/tool' }),
    run(`mkdir -p /build/tool && cd /build/tool
make
make install DESTDIR=/stage`),
  ],
  workdir: '/build/tool',
})
