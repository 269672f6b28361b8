// A draft of Dockerfile: nothing of it has been built yet.
// line 1: python:3.9-bullseye becomes bullseye with Debian's own Python 3.9
// line 1: the image has compilers and headers besides: name those that are needed in the apt step
import { apt, debian, defineRecipe, file, pip, project, requirementsFile } from 'stillroom'

export default defineRecipe({
  base: debian('bullseye'),
  steps: [
    apt(['python3', 'python3-pip', 'python-is-python3']),
    pip([requirementsFile('requirements.txt')], { constraints: [requirementsFile('constraints.txt')] }),
    // TODO line 6: put what is in app into files/usr-src-app-app
    project('files/usr-src-app-app', { to: '/usr/src/app/app' }),
    // TODO line 7: put config/settings.toml into files/usr-src-app-config/settings.toml
    project('files/usr-src-app-config', { to: '/usr/src/app/config' }),
    file('https://example.org/data.csv', { to: '/usr/src/app/data/data.csv', mode: '0600' }),
    // TODO line 9: put LICENSE into files/usr-share-doc-app/LICENSE
    // TODO line 9: put README.md into files/usr-share-doc-app/README.md
    project('files/usr-share-doc-app', { to: '/usr/share/doc/app' }),
  ],
  workdir: '/usr/src/app',
})
