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
    // line 5: it may delete files of an earlier layer: layout: 'flat' makes one layer
    run('pip3 uninstall -y keras'),
    // line 6: packages go to /usr/local, and not into a virtual environment
    run('python3 -m venv --system-site-packages --without-pip /opt/venv'),
    pip(['six']),
  ],
  layout: 'flat',
})
