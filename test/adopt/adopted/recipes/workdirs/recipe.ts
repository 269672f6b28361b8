// A draft of Dockerfile: nothing of it has been built yet.
import { debian, defineRecipe, run } from 'stillroom'

export default defineRecipe({
  base: debian('bookworm'),
  steps: [
    run(`mkdir -p /a/b && cd /a/b
touch here`),
    run(`set +u
mkdir -p /a/b && cd /a/b
V=1
export W="$V-x"
echo $W > w
cd /tmp
touch there`),
    // TODO line 6: a part of this is to be taken out: this needs the network, and a build has none; instead: apt(['NAME', ...])
    //   A=$(cat w) && echo "$A" && apt-get install -y jq
  ],
  workdir: '/a/b',
})
