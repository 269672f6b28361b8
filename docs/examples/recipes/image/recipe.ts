// On top of an image of a registry: the lock pins the digests behind the tag.
import { defineRecipe, image, run } from 'stillroom'

export default defineRecipe({
  base: image('registry.example.org/team/base:2024'),
  steps: [run(['touch', '/opt/on-top'])],
  checks: [{ name: 'on top', command: ['test', '-f', '/opt/on-top'] }],
})
