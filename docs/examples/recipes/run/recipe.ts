// A command without network. What it writes must be the same each time: no clock, no random numbers.
import { apt, debian, defineRecipe, run } from 'stillroom'

export default defineRecipe({
  base: debian('bookworm'),
  steps: [
    apt(['gcc', 'libc6-dev']),
    run('echo "int main(void) { return 7; }" | gcc -x c -o /usr/local/bin/seven -'),
  ],
  checks: [{ name: 'seven', command: ['sh', '-c', 'seven; echo $?'], expect: '7' }],
})
