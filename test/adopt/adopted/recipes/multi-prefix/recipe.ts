// A draft of Dockerfile, the stage of line 9: nothing of it has been built yet.
// line 1: python:3.11-slim becomes bookworm with Debian's own Python 3.11
import { apt, debian, defineRecipe, pip } from 'stillroom'

export default defineRecipe({
  base: debian('bookworm'),
  steps: [
    apt(['python3', 'python3-pip', 'python-is-python3']),
    // line 10: the packages of the other stage are installed here, and not copied
    pip(['idna==3.6', 'certifi']),
  ],
  env: { LANG: 'C.UTF-8' },
  entrypoint: ['python3'],
  cmd: ['-c', 'import idna; print(idna.__version__)'],
})
