// A draft of Dockerfile: nothing of it has been built yet.
import { apt, debian, defineRecipe, project, run } from 'stillroom'

export default defineRecipe({
  base: debian('bookworm'),
  steps: [
    apt(['r-base-core', 'r-cran-data.table']),
    run(`Rscript -e 'stopifnot(requireNamespace("data.table"))'
echo 'options(repos = c(CRAN = "https://cran.example.org"))' >> /etc/R/Rprofile.site`),
    // TODO line 5: this needs the network, and a build has none; instead: Debian's packages: apt(['r-cran-name'])
    //   R -q -e "install.packages(c('jsonlite', 'remotes'))"
    run(`<<-'R' Rscript -
	x <- c(a = 1, b = 2)
	saveRDS(x, "/opt/x.rds", version = 3)
	R`),
    run('R CMD INSTALL --help >/dev/null'),
    // TODO line 12: put *.R into files/analysis
    project('files/analysis', { to: '/analysis' }),
  ],
  workdir: '/analysis',
  cmd: ['Rscript', 'main.R'],
})
