// A draft of Dockerfile: nothing of it has been built yet.
import { apt, debian, defineRecipe, run } from 'stillroom'

export default defineRecipe({
  base: debian('bookworm'),
  steps: [
    apt(['openssh-server'], { recommends: true }),
    run('mkdir /var/run/sshd'),
    // line 3: everybody who has the image has this password, and an audit finds it: set it when a container starts
    run("echo 'root:secret' | chpasswd"),
    run('usermod -aG sudo dev'),
    // line 4: everybody who has the image has this password, and an audit finds it: set it when a container starts
    run(`echo 'dev:dev' | chpasswd
echo "dev ALL=(ALL) NOPASSWD:ALL" >> /etc/sudoers`),
  ],
  user: { name: 'dev', uid: 1000, home: '/home/dev' },
  workdir: '/home/dev',
  env: { HOME: '/home/dev' },
  cmd: ['/usr/sbin/sshd', '-D'],
})
