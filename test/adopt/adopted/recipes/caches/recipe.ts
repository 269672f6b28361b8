// A draft of Dockerfile: nothing of it has been built yet.
// line 1: python:3.11 becomes bookworm with Debian's own Python 3.11
// line 1: the image has compilers and headers besides: name those that are needed in the apt step
import { apt, debian, defineRecipe, pip, run } from 'stillroom'

export default defineRecipe({
  base: debian('bookworm'),
  steps: [
    apt(['python3', 'python3-pip', 'python-is-python3']),
    apt(['fontconfig', 'fonts-dejavu-core'], { recommends: true }),
    pip(['packaging==24.0']),
    pip(['pyparsing>=3']),
    run('python -m compileall -q /usr/local/lib'),
    run(`fc-cache -f
mkdir -p /root/.cache/app
echo warm > /root/.cache/app/state`),
  ],
  cmd: ['python', '-c', 'import packaging, pyparsing'],
})
