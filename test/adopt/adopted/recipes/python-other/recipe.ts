// A draft of Dockerfile: nothing of it has been built yet.
import { defineRecipe, image, pip } from 'stillroom'

export default defineRecipe({
  base: image('python:3.12-slim'),
  steps: [pip(['requests==2.31.0'])],
})
