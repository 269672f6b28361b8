// A draft of Dockerfile, stage "config": nothing of it has been built yet.
import { debian, defineRecipe, run } from 'stillroom'

export default defineRecipe({
  base: debian('bookworm'),
  steps: [
    run(`set -e
mkdir -p /config
cat > /config/site.conf <<CONF
root /var/www/site
CONF
`),
    // line 18: what the recipe of another stage takes
    run(`mkdir -p /opt/stillroom-files/1
for each in /config/site.conf; do
  if [ -d "$each" ]; then cp -a "$each"/. /opt/stillroom-files/1/; else cp -aH "$each" /opt/stillroom-files/1/; fi
done`),
  ],
})
