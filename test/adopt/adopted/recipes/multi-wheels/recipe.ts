// A draft of Dockerfile, the stage of line 6: nothing of it has been built yet.
// line 6: python:3.11-slim-bookworm becomes bookworm with Debian's own Python 3.11
import { apt, debian, defineRecipe, pip, requirementsFile } from 'stillroom'

export default defineRecipe({
  base: debian('bookworm'),
  steps: [
    apt(['python3', 'python3-pip', 'python-is-python3']),
    // line 8: the packages of the other stage are installed here, and not copied
    pip([requirementsFile('requirements.txt')]),
    // line 10: its wheels are installed where they are copied
  ],
  env: { HOME: '/home/app' },
  cmd: ['python3', '-m', 'cowsay', '-t', 'moo'],
})
