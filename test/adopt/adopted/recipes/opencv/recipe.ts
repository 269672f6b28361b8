// A draft of Dockerfile: nothing of it has been built yet.
import { apt, defineRecipe, file, image, run } from 'stillroom'

export default defineRecipe({
  base: image('ubuntu:20.04'),
  steps: [
    run(`set +u
export TZ=Europe/Berlin
ln -snf /usr/share/zoneinfo/$TZ /etc/localtime
echo $TZ > /etc/timezone`),
    apt(['build-essential', 'cmake', 'git', 'unzip', 'wget'], { recommends: true }),
    file('https://example.org/opencv/4.9.0.zip', { to: '/opt', unpack: true }),
    run(`export TZ=Europe/Berlin
cd /opt/opencv-4.9.0
mkdir build
cd build
cmake -D CMAKE_BUILD_TYPE=RELEASE ..
make -j"$(nproc)"
make install
ldconfig`),
  ],
  env: { TZ: 'Europe/Berlin' },
  labels: { maintainer: 'Some One <one@example.org>' },
})
