// A draft of Dockerfile, stage "assets": nothing of it has been built yet.
// assets are made in one stage, configuration in another
import { debian, defineRecipe, run } from 'stillroom'

export default defineRecipe({
  base: debian('bookworm'),
  steps: [
    run(`mkdir -p /assets && cd /assets
mkdir -p dist/css
echo 'body { margin: 0 }' > dist/css/site.css
echo '<h1>site</h1>' > dist/index.html`),
  ],
  workdir: '/assets',
})
