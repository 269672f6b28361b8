import { apt, debian, defineRecipe, pip } from 'stillroom'

export default defineRecipe({
  description: 'A small Debian with Python and one wheel: for trying things out',
  base: debian('bookworm'),
  steps: [apt(['python3', 'python3-pip']), pip(['cowsay==6.1'])],
  user: { name: 'hello', uid: 1000, home: '/home/hello' },
  workdir: '/home/hello',
  cmd: ['python3', '-m', 'cowsay', '-t', 'The same bytes, years later'],
  checks: [
    { name: 'python', command: ['python3', '--version'], expect: 'Python 3.11' },
    { name: 'cowsay', command: ['python3', '-c', 'import cowsay; cowsay.cow("hello")'], expect: 'hello' },
  ],
  tasks: {
    say: { description: 'Say something', command: ['python3', '-m', 'cowsay', '-t'] },
  },
})
