// On the image of another recipe: its packages, its layers, its environment. Lock and build `apt` first.
import { apt, defineRecipe, recipe } from 'stillroom'

export default defineRecipe({
  base: recipe('apt'),
  steps: [apt(['tree'])],
  checks: [{ name: 'tree', command: ['tree', '--version'] }],
})
