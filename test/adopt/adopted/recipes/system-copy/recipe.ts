// A draft of Dockerfile: nothing of it has been built yet.
import { debian, defineRecipe, project, run } from 'stillroom'

export default defineRecipe({
  base: debian('bookworm'),
  steps: [
    // TODO line 2: put entrypoint.sh into files/root/entrypoint.sh
    project('files/root', { to: '/opt/stillroom-files/root' }),
    run('mkdir -p / && cp -R /opt/stillroom-files/root/. /'),
    // TODO line 3: put nginx.conf into files/etc-nginx/nginx.conf
    project('files/etc-nginx', { to: '/etc/nginx' }),
    // TODO line 4: put what is in site into files/var-www-html
    project('files/var-www-html', { to: '/var/www/html' }),
    // line 4: --chown=www-data:www-data: what steps place belongs to the recipe's user
    run('chmod +x /entrypoint.sh'),
  ],
  entrypoint: ['/entrypoint.sh'],
})
