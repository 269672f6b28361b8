// A draft of Dockerfile: nothing of it has been built yet.
import { apt, debian, defineRecipe, run } from 'stillroom'

export default defineRecipe({
  base: debian('bookworm'),
  steps: [
    apt(['logrotate']),
    run(`mkdir -p /var/log/app
echo "installed" > /var/log/app/install.log
dpkg -l > /var/log/app/packages.log`),
    run(`update-alternatives --version > /var/log/app/alternatives.log 2>&1
ldconfig -v > /var/log/app/ldconfig.log 2>/dev/null || true`),
  ],
  cmd: ['tail', '/var/log/app/packages.log'],
})
