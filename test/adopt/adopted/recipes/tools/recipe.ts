// A draft of Dockerfile: nothing of it has been built yet.
import { apt, debian, defineRecipe } from 'stillroom'

export default defineRecipe({
  base: debian('bookworm'),
  steps: [
    // for scripts
    apt(['ca-certificates', 'jq=1.6-2.1', 'git']),
  ],
  cmd: ['bash'],
  labels: { 'org.opencontainers.image.title': 'tools', maintainer: 'me@example.org' },
})
