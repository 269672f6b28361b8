// A draft of Dockerfile: nothing of it has been built yet.
import { apt, debian, defineRecipe, git, run } from 'stillroom'

export default defineRecipe({
  base: debian('bookworm'),
  steps: [
    // line 4: tzdata is added, as the image of the Dockerfile has it
    apt(['tzdata']),
    // line 6: an upgrade is not needed: locking takes the newest of the suite and its updates
    run(`set +u
export DEBIAN_FRONTEND=noninteractive
export TZ=Etc/UTC
mkdir -p /tmp && cd /tmp
ln -fs /usr/share/zoneinfo/$TZ /etc/localtime
echo $TZ > /etc/timezone`),
    apt([
      'g++',
      'gfortran',
      'cmake',
      'ninja-build',
      'libopenblas-dev',
      'python3-dev',
      'python3-numpy',
      'git',
      'sudo',
    ]),
    git('https://git.example.org/team/tool.git', { ref: 'v1.0', to: '/opt/downloads/tool' }),
    run(`mkdir -p /tmp/tool && cp -R /opt/downloads/tool/. /tmp/tool
export DEBIAN_FRONTEND=noninteractive
export TZ=Etc/UTC
cd /tmp/tool
mkdir build
cd build
cmake -G Ninja -DCMAKE_BUILD_TYPE=Release ..
ninja -j$(nproc) install
cd ../..
rm -rf tool
ldconfig`),
    run(`export DEBIAN_FRONTEND=noninteractive
export TZ=Etc/UTC
mkdir -p /tmp && cd /tmp
dpkg-reconfigure -f noninteractive tzdata`),
    run(`export DEBIAN_FRONTEND=noninteractive
export TZ=Etc/UTC
mkdir -p /tmp && cd /tmp
printf '#include <stdio.h>\\nint main(void){puts(__DATE__);}\\n' > /opt/t.c
gcc -O2 -march=native -o /opt/t /opt/t.c`),
    run(`export DEBIAN_FRONTEND=noninteractive
export TZ=Etc/UTC
mkdir -p /tmp && cd /tmp
echo 'ulimit -s unlimited' >> /etc/bash.bashrc`),
    run('usermod -aG sudo sci'),
    run(`export DEBIAN_FRONTEND=noninteractive
export TZ=Etc/UTC
mkdir -p /tmp && cd /tmp
echo 'sci ALL=(ALL) NOPASSWD:ALL' > /etc/sudoers.d/sci`),
  ],
  user: { name: 'sci', uid: 1000, home: '/home/sci' },
  workdir: '/home/sci/shared',
  env: { DEBIAN_FRONTEND: 'noninteractive', TZ: 'Etc/UTC' },
  entrypoint: ['/bin/bash', '-l', '-c'],
})
