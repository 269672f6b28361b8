// A download, unpacked. Without `sha256`, the first lock takes what it gets and pins it.
import { debian, defineRecipe, file } from 'stillroom'

export default defineRecipe({
  base: debian('bookworm'),
  steps: [file('https://data.example.org/meshes-1.0.tar.gz', { to: '/opt/meshes', unpack: true, strip: 1 })],
  checks: [{ name: 'meshes', command: ['cat', '/opt/meshes/channel.xml'], expect: '<mesh' }],
})
