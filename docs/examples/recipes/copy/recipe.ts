// What another recipe compiled, without its compiler. Lock and build `run` first.
import { copy, debian, defineRecipe, recipe } from 'stillroom'

export default defineRecipe({
  base: debian('bookworm'),
  steps: [copy(recipe('run'), { path: '/usr/local/bin/seven', to: '/usr/local/bin/seven' })],
  checks: [{ name: 'seven', command: ['sh', '-c', 'seven; echo $?'], expect: '7' }],
})
