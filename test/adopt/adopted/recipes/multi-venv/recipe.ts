// A draft of Dockerfile, stage "runtime": nothing of it has been built yet.
// line 13: python:3.11-slim becomes bookworm with Debian's own Python 3.11
import { apt, debian, defineRecipe, pip, requirementsFile, run } from 'stillroom'

export default defineRecipe({
  base: debian('bookworm'),
  steps: [
    apt(['python3', 'python3-pip', 'python-is-python3']),
    // Copy the virtual environment from the builder
    // line 16: the packages of the other stage are installed here, and not copied
    pip([requirementsFile('requirements.txt')]),
    run('python3 -m venv --system-site-packages --without-pip /opt/venv'),
  ],
  user: { name: 'appuser', uid: 1000, home: '/home/appuser', shell: '/bin/sh' },
  workdir: '/home/appuser',
  env: { PATH: '/opt/venv/bin:/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin' },
  cmd: ['python', '-c', 'import six, click; print(six.__version__)'],
})
