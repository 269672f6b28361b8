// A draft of Dockerfile: nothing of it has been built yet.
import { debian, defineRecipe, run } from 'stillroom'

export default defineRecipe({
  base: debian('bookworm'),
  steps: [
    run(`set +u
export ODD='it'\\''s  \`y\` \\ "z"'
export TWO='a b'
printf '%s\\n' "a'b" 'c"d' '\${e}' '\`f\`' > /etc/odd`),
    // */ ${comment} `x`
  ],
  env: { ODD: 'it\'s  `y` \\ "z"', TWO: 'a b' },
  cmd: ['sh', '-c', 'echo "it\'s" `${HOME}`'],
  labels: { 'a.b': '*/ // \\' },
})
