// A draft of Dockerfile: nothing of it has been built yet.
import { apt, debian, defineRecipe, project, run } from 'stillroom'

export default defineRecipe({
  base: debian('bookworm'),
  steps: [
    apt(['supervisor', 'nginx']),
    // TODO line 5: put supervisord.conf into files/etc-supervisor-conf.d/supervisord.conf
    project('files/etc-supervisor-conf.d', { to: '/etc/supervisor/conf.d' }),
    // TODO line 6: put scripts/*.sh into files/usr-local-bin
    project('files/usr-local-bin', { to: '/usr/local/bin' }),
    run(`chmod 755 /usr/local/bin/*.sh
ln -sf /dev/stdout /var/log/nginx/access.log`),
  ],
  entrypoint: ['/bin/sh', '-c', 'supervisord -n'],
  expose: ['80/tcp', '443/tcp', '5000-5010/udp'],
})
