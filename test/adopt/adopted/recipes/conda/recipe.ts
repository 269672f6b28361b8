// A draft of Dockerfile: nothing of it has been built yet.
import { defineRecipe, image, run } from 'stillroom'

export default defineRecipe({
  base: image('continuumio/miniconda3:23.5.2-0'),
  steps: [
    // TODO line 2: this needs the network, and a build has none; instead: apt() and pip() of the same packages
    //   conda install -y numpy
    run('echo done > /etc/done'),
  ],
})
