// A draft of Dockerfile, the stage of line 15: nothing of it has been built yet.
import { apt, copy, debian, defineRecipe, recipe } from 'stillroom'

export default defineRecipe({
  base: debian('bookworm'),
  steps: [
    apt(['busybox']),
    copy(recipe('multi-assets-assets'), { path: '/assets/dist', to: '/var/www/site' }),
    copy(recipe('multi-assets-config'), { path: '/opt/stillroom-files/1', to: '/etc' }),
  ],
  cmd: ['busybox', 'httpd', '-f', '-p', '8080', '-h', '/var/www/site'],
  expose: ['8080/tcp'],
})
