// A draft of Dockerfile: nothing of it has been built yet.
// line 1: python:3.11-slim-bookworm becomes bookworm with Debian's own Python 3.11
import { apt, debian, defineRecipe, pip, project, requirementsFile } from 'stillroom'

export default defineRecipe({
  base: debian('bookworm'),
  steps: [
    apt(['python3', 'python3-pip', 'python-is-python3']),
    // TODO line 2: files of other images are not taken: place them with file() or apt()
    //   COPY --from=ghcr.io/astral-sh/uv:latest /uv /bin/uv
    // TODO line 4: put pyproject.toml into files/app/pyproject.toml
    // TODO line 6: put what is in src into files/app/src
    project('files/app', { to: '/app' }),
    // line 5: the project itself is not installed, and neither are its groups: requirementsFile() takes { groups }
    pip([requirementsFile('uv.lock')]),
  ],
  workdir: '/app',
  cmd: ['uv', 'run', 'main.py'],
})
