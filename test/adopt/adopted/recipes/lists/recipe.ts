// A draft of Dockerfile: nothing of it has been built yet.
import { apt, debian, defineRecipe, project, run } from 'stillroom'

export default defineRecipe({
  base: debian('bookworm', { components: ['main', 'contrib', 'non-free'] }),
  steps: [
    // TODO line 2: put packages.txt into files/tmp/packages.txt
    project('files/tmp', { to: '/opt/stillroom-files/tmp' }),
    apt(['bc', 'dc']),
    run(`mkdir -p /tmp && cp -R /opt/stillroom-files/tmp/. /tmp
rm /tmp/packages.txt`),
    apt(['bc', 'dc'], { recommends: true }),
    apt(['bc']),
    apt(['dc']),
    apt(['file']),
    apt(['tree']),
    // TODO line 8: this needs the network, and a build has none; instead: apt(['NAME', ...])
    //   apt-get install -y --no-install-recommends git=1:2.39.* vim-tiny:amd64 nano/bookworm less+
    run('update-alternatives --set editor /bin/nano'),
    // TODO line 11: archives of apt belong to the recipe; instead: archives: [aptArchive({ url, suite, components, key })] of the recipe, and mirrors as a setting (docs/sources.md)
    //   echo 'deb http://archive.example.org/debian bookworm-backports main' > /etc/apt/sources.list.d/b.list
    // TODO line 12: this needs the network, and a build has none; instead: apt(['NAME', ...])
    //   apt-get install -y -t bookworm-backports --no-install-recommends golang-go
    apt(['libdvd-pkg']),
    run('python3 -m pip --version || true'),
  ],
})
