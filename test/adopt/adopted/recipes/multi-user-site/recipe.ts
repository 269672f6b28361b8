// A draft of Dockerfile, the stage of line 4: nothing of it has been built yet.
// line 4: python:3.11-slim becomes bookworm with Debian's own Python 3.11
import { apt, debian, defineRecipe, pip } from 'stillroom'

export default defineRecipe({
  base: debian('bookworm'),
  steps: [
    apt(['python3', 'python3-pip', 'python-is-python3']),
    // line 5: the packages of the other stage are installed here, and not copied
    pip(['tabulate==0.9.0', 'tomli']),
  ],
  env: { PATH: '/root/.local/bin:/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin' },
  cmd: ['tabulate', '--help'],
})
