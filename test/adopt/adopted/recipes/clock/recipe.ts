// A draft of Dockerfile: nothing of it has been built yet.
import { apt, debian, defineRecipe, run } from 'stillroom'

export default defineRecipe({
  base: debian('bookworm'),
  steps: [
    // TODO line 3: its value is only known when it is built: write it out in labels
    //   LABEL build-date
    // the day of the build, in three ways
    run(`date -u > /etc/build-date
echo "built $(date +%Y-%m-%d)" > /etc/motd`),
    apt(['python3-minimal']),
    run("python3 -c 'import time; print(int(time.time()))' > /etc/build-epoch"),
  ],
  cmd: ['cat', '/etc/build-date'],
})
