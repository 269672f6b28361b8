// A draft of Dockerfile: nothing of it has been built yet.
// line 1: python:3.11-slim-bookworm becomes bookworm with Debian's own Python 3.11
import { apt, debian, defineRecipe, pip, project, requirementsFile, run } from 'stillroom'

export default defineRecipe({
  base: debian('bookworm'),
  steps: [
    apt(['python3', 'python3-pip', 'python-is-python3']),
    pip(['uv']),
    // line 7: the project itself is not installed, and neither are its groups: requirementsFile() takes { groups }
    pip([requirementsFile('uv.lock')]),
    run(`mkdir -p /app && cd /app
sh /setup.sh`),
    // TODO line 8: a run step has no mounts: place it with project()
    //   setup.sh at /setup.sh
    // TODO line 9: put what is in src into files/app-src
    project('files/app-src', { to: '/app/src' }),
  ],
  workdir: '/app',
  cmd: ['uv', 'run', 'main.py'],
})
