// A draft of Dockerfile: nothing of it has been built yet.
import { apt, debian, defineRecipe, run } from 'stillroom'

export default defineRecipe({
  base: debian('bookworm'),
  steps: [
    apt(['jq'], { recommends: true }),
    run(`echo "hello
there" > /etc/greeting`),
    run(`mkdir -p /etc/app
printf %s 'key = $value
' > /etc/app/app.conf`),
  ],
})
