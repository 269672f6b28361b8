// A draft of Dockerfile: nothing of it has been built yet.
// line 1: python:3.9-slim-bullseye becomes bullseye with Debian's own Python 3.9
import { apt, debian, defineRecipe, pip, project } from 'stillroom'

export default defineRecipe({
  base: debian('bullseye'),
  steps: [
    apt(['python3', 'python3-pip', 'python-is-python3']),
    // TODO requirements/dev.txt: line 2: "--extra-index-url": indexes are a setting of the machine; name that of a single requirement in the recipe: { requirement: 'NAME', index: 'https://...' }
    pip(['pytest', 'numpy==1.22.0']),
    // TODO line 4: put setup.py into files/src/setup.py
    // TODO line 5: put what is in pkg into files/src/pkg
    project('files/src', { to: '/src' }),
    pip([], { local: [{ path: '/src', editable: true }] }),
  ],
})
