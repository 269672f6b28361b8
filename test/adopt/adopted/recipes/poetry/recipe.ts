// A draft of Dockerfile: nothing of it has been built yet.
// line 1: python:3.11-slim-bookworm becomes bookworm with Debian's own Python 3.11
import { apt, debian, defineRecipe, pip, project } from 'stillroom'

export default defineRecipe({
  base: debian('bookworm'),
  steps: [
    apt(['python3', 'python3-pip', 'python-is-python3']),
    pip(['poetry==1.8.2']),
    // TODO line 5: put poetry.lock into files/code/poetry.lock
    // TODO line 5: put pyproject.toml into files/code/pyproject.toml
    // TODO line 7: put the build context into files/code
    project('files/code', { to: '/code' }),
    // TODO line 6: this needs the network, and a build has none; instead: pip([...]), or pip(requirementsFile('uv.lock'))
    //   poetry config virtualenvs.create false
    // TODO line 6: this needs the network, and a build has none; instead: pip([...]), or pip(requirementsFile('uv.lock'))
    //   poetry install --no-interaction --no-ansi
  ],
  workdir: '/code',
  env: { POETRY_VERSION: '1.8.2' },
})
