// A directory beside the recipe, as it is committed; a user who owns it and works in it.
import { debian, defineRecipe, project } from 'stillroom'

export default defineRecipe({
  base: debian('bookworm'),
  user: { name: 'researcher', uid: 1000, home: '/home/researcher' },
  steps: [project('notes', { to: '/home/researcher/notes' })],
  workdir: '/home/researcher/notes',
  tasks: { read: { description: 'Shows the notes', command: ['cat', 'notes.txt'] } },
  checks: [{ name: 'notes', command: ['cat', 'notes.txt'], expect: 'Reynolds' }],
})
