// A draft of Dockerfile: nothing of it has been built yet.
import { apt, debian, defineRecipe, pip, run } from 'stillroom'

export default defineRecipe({
  base: debian('bookworm'),
  steps: [
    apt(['python3', 'python3-pip', 'python3-venv', 'pypy3']),
    pip(['attrs==23.2.0']),
    // line 6: packages go to /usr/local, and not into a virtual environment
    run('python3 -m venv --system-site-packages --without-pip /opt/tool'),
    run('ln -s /opt/tool/bin/python3 /usr/local/bin/tool-python'),
    run("pypy3 -c 'print(6 * 7)' > /etc/answer"),
  ],
  cmd: ['python3', '-c', 'import attr'],
})
