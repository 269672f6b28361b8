// A draft of Dockerfile, stage "builder": nothing of it has been built yet.
// The compiler stays behind.
import { apt, debian, defineRecipe, run } from 'stillroom'

export default defineRecipe({
  base: debian('bookworm'),
  steps: [
    apt(['gcc', 'libc6-dev']),
    run(`mkdir -p /src
printf %s '#include <stdio.h>
int main(void) { puts("hello from a stage"); return 0; }
' > /src/hello.c`),
    run(`mkdir -p /src && cd /src
gcc -O2 -o hello hello.c`),
  ],
  workdir: '/src',
})
