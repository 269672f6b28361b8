// A draft of Dockerfile: nothing of it has been built yet.
import { debian, defineRecipe, git } from 'stillroom'

export default defineRecipe({
  base: debian('bookworm'),
  steps: [
    // TODO line 3: a step has no mounts: place what it needs with project() or file()
    //   RUN --mount=type=secret,id=token cat /run/secrets/token
    // TODO line 4: this needs the network, and a build has none; instead: git('https://...', { ref: '...', to: '/...' })
    //   git clone https://$TOKEN@git.example.org/team/private.git /opt/private
    // TODO line 5: name the branch, tag or commit; HEAD is the default branch
    git('git@git.example.org:team/other.git', { ref: 'HEAD', to: '/opt/other' }),
  ],
})
