// Python packages: resolved by the image's own pip, so the step before brings it.
import { apt, debian, defineRecipe, pip } from 'stillroom'

export default defineRecipe({
  base: debian('bookworm'),
  steps: [apt(['python3', 'python3-pip']), pip(['six==1.16.0'])],
  checks: [
    { name: 'six', command: ['python3', '-c', 'import six; print(six.__version__)'], expect: '1.16.0' },
  ],
})
