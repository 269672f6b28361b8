// A draft of Dockerfile: nothing of it has been built yet.
import { apt, debian, defineRecipe, git, pip, run } from 'stillroom'

export default defineRecipe({
  base: debian('bookworm'),
  steps: [
    apt(['python3-pip', 'git']),
    git('https://git.example.org/team/lib.git', { ref: 'v1.0', to: '/usr/local/src/lib', submodules: true }),
    pip(['other @ https://example.org/other-1.0-py3-none-any.whl'], {
      local: [{ path: '/usr/local/src/lib' }],
    }),
    // TODO line 4: this needs the network, and a build has none; instead: pip(['NAME==VERSION', ...])
    //   pip install --no-deps six
    // TODO line 4: this needs the network, and a build has none; instead: pip(['NAME==VERSION', ...])
    //   pip install --pre numpy
    pip(['tensorflow>=2,<3']),
    run('pip3 uninstall -y keras'),
    run('python3 -m venv /opt/venv'),
    // TODO line 6: this needs the network, and a build has none; instead: pip(['NAME==VERSION', ...])
    //   /opt/venv/bin/pip install six
  ],
})
