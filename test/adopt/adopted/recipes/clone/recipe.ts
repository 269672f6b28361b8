// A draft of Dockerfile: nothing of it has been built yet.
import { apt, debian, defineRecipe, git, run } from 'stillroom'

export default defineRecipe({
  base: debian('bookworm'),
  steps: [
    apt(['build-essential', 'cmake', 'git', 'ca-certificates']),
    git('https://git.example.org/team/solver.git', { ref: 'v2.1', to: '/opt/solver', submodules: true }),
    run(`cd /opt/solver
mkdir build
cd build
cmake ..
make install`),
    git('https://git.example.org/team/data.git', { ref: 'main', to: '/data' }),
  ],
  workdir: '/opt',
})
