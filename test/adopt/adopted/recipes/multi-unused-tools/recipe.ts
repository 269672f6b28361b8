// A draft of Dockerfile, stage "tools": nothing of it has been built yet.
import { apt, debian, defineRecipe, run } from 'stillroom'

export default defineRecipe({
  base: debian('bookworm'),
  steps: [
    apt(['jq']),
    run(`mkdir -p /data
jq -n '{answer: 42}' > /data/answer.json`),
  ],
})
