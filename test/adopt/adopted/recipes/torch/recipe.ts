// A draft of Dockerfile: nothing of it has been built yet.
// line 1: python:3.11 becomes bookworm with Debian's own Python 3.11
// line 1: the image has compilers and headers besides: name those that are needed in the apt step
import { apt, debian, defineRecipe, pip } from 'stillroom'

export default defineRecipe({
  base: debian('bookworm'),
  steps: [
    apt(['python3', 'python3-pip', 'python-is-python3']),
    pip(['torch==2.4.1'], { index: 'https://index.example.org/whl/cpu' }),
    // TODO line 3: this needs the network, and a build has none; instead: pip(requirementsFile('FILE')), with FILE beside the recipe
    //   pip install --no-cache-dir -r requirements.txt -c constraints.txt
    // line 5: CFLAGS is not given to pip: docs/recipe.md says what a pip step takes
    // line 5: PIP_INDEX_URL is not given to pip: docs/recipe.md says what a pip step takes
    pip(['scipy==1.11.4']),
  ],
  env: { PIP_INDEX_URL: 'https://index.example.org/simple' },
})
