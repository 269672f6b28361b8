// Debian packages: by name, or by name and version; what they depend on is locked with them.
import { apt, debian, defineRecipe } from 'stillroom'

export default defineRecipe({
  base: debian('bookworm'),
  steps: [apt(['bc'])],
  checks: [{ name: 'bc', command: ['sh', '-c', 'echo "scale=4; 22/7" | bc'], expect: '3.1428' }],
})
