// A draft of Dockerfile: nothing of it has been built yet.
import { defineRecipe, image, run } from 'stillroom'

export default defineRecipe({
  base: image('rocker/r-ver:4.3.2'),
  steps: [
    // TODO line 2: this needs the network, and a build has none; instead: Debian's packages: apt(['r-cran-name'])
    //   install2.r --error ggplot2
    // TODO line 3: this needs the network, and a build has none; instead: Debian's packages: apt(['r-cran-name'])
    //   R -e "install.packages('dplyr')"
    run("Rscript -e 'cat(R.version.string)' > /etc/r-version"),
    // TODO line 5: a recipe makes its user itself, with a number of its own: user: { name, uid, home }
    //   USER rstudio
  ],
})
