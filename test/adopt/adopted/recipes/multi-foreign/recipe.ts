// A draft of Dockerfile, the stage of line 6: nothing of it has been built yet.
import { debian, defineRecipe, run } from 'stillroom'

export default defineRecipe({
  base: debian('bookworm'),
  steps: [
    // a tool from an image of somebody else
    // TODO line 3: files of other images are not taken: place them with file() or apt()
    //   COPY --from=ghcr.io/astral-sh/uv:0.5.11 /uv /uvx /bin/
    // TODO line 4: a step has no mounts: place what it needs with project() or file()
    //   RUN --mount=type=bind,from=app,source=/etc,target=/mnt cp /mnt/os-release /srv/release
    run('echo ready > /srv/ready'),
  ],
})
