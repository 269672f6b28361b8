// A draft of Dockerfile: nothing of it has been built yet.
// line 1: python:3.11-slim becomes bookworm with Debian's own Python 3.11
import { apt, debian, defineRecipe, pip, project, requirementsFile } from 'stillroom'

export default defineRecipe({
  base: debian('bookworm'),
  steps: [
    apt(['python3', 'python3-pip', 'python-is-python3']),
    // what the server needs
    pip([requirementsFile('requirements.txt')]),
    // TODO line 8: put the build context into files/app
    project('files/app', { to: '/app' }),
  ],
  workdir: '/app',
  env: { PYTHONUNBUFFERED: '1', PIP_NO_CACHE_DIR: '1' },
  cmd: ['python', 'app.py'],
  expose: ['5000/tcp'],
})
