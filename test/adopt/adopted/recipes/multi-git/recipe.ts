// A draft of Dockerfile, the stage of line 8: nothing of it has been built yet.
import { copy, debian, defineRecipe, recipe, run } from 'stillroom'

export default defineRecipe({
  base: debian('bookworm'),
  steps: [
    copy(recipe('multi-git-source'), {
      path: '/stage/usr/local',
      to: '/opt/stillroom-files/multi-git-source-0',
    }),
    run(`chown -R tool:tool /opt/stillroom-files/multi-git-source-0
mkdir -p /usr/local
tar -C /opt/stillroom-files/multi-git-source-0 -c . | tar -C /usr/local -x -p --same-owner --no-overwrite-dir`),
    copy(recipe('multi-git-source'), { path: '/build/tool/run.sh', to: '/usr/local/bin/run-tool' }),
    run('chmod -R 0755 /usr/local/bin/run-tool'),
  ],
  user: { name: 'tool', uid: 999, home: '/var/lib/tool', shell: '/bin/sh' },
  entrypoint: ['run-tool'],
})
