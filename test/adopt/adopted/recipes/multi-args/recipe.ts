// A draft of Dockerfile, the stage of line 15: nothing of it has been built yet.
import { copy, debian, defineRecipe, recipe } from 'stillroom'

export default defineRecipe({
  base: debian('bookworm'),
  steps: [copy(recipe('multi-args-build'), { path: '/opt/tool', to: '/opt/tool' })],
  env: { PATH: '/opt/tool/bin:/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin' },
  cmd: ['version'],
  labels: { 'org.opencontainers.image.title': 'tool' },
})
