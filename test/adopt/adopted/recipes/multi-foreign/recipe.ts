// A draft of Dockerfile, the stage of line 6: nothing of it has been built yet.
import { apt, debian, defineRecipe, pip, run } from 'stillroom'

export default defineRecipe({
  base: debian('bookworm'),
  steps: [
    // line 3: python3-pip is added, as pip steps need it
    apt(['python3-pip']),
    // a tool from an image of somebody else
    pip(['uv==0.5.11']),
    // TODO line 4: a step has no mounts: place what it needs with project() or file()
    //   RUN --mount=type=bind,from=app,source=/etc,target=/mnt cp /mnt/os-release /srv/release
    run('echo ready > /srv/ready'),
  ],
})
