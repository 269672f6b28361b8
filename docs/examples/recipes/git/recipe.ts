// A repository, pinned by commit: a tag that moves later changes nothing until you lock again.
import { debian, defineRecipe, git } from 'stillroom'

export default defineRecipe({
  base: debian('bookworm'),
  steps: [git('https://git.example.org/team/solver.git', { ref: 'v1.0', to: '/opt/solver' })],
  checks: [{ name: 'solver', command: ['cat', '/opt/solver/README'], expect: 'solver' }],
})
