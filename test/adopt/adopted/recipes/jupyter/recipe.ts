// A draft of Dockerfile: nothing of it has been built yet.
// line 4: python:3.11-slim-bookworm becomes bookworm with Debian's own Python 3.11
import { apt, debian, defineRecipe, pip, project, run } from 'stillroom'

export default defineRecipe({
  base: debian('bookworm'),
  steps: [
    apt(['python3', 'python3-pip', 'python-is-python3']),
    // - tini is the init process
    // - a locale is needed
    // line 13: an upgrade is not needed: locking takes the newest of the suite and its updates
    apt(['tini', 'bzip2', 'locales', 'sudo']),
    run(`exec /bin/bash -o pipefail -c 'set -e
export DEBIAN_FRONTEND=noninteractive
echo "en_US.UTF-8 UTF-8" > /etc/locale.gen
locale-gen'`),
    run(`exec /bin/bash -o pipefail -c 'set -e
export NB_USER=jovyan
export NB_UID=1000
export NB_GID=100
export DEBIAN_FRONTEND=noninteractive
export CONDA_DIR=/opt/conda
export SHELL=/bin/bash
export LC_ALL=en_US.UTF-8
export HOME=/home/jovyan
sed -i '\\''s/^#force_color_prompt=yes/force_color_prompt=yes/'\\'' /etc/skel/.bashrc'`),
    run(`exec /bin/bash -o pipefail -c 'set -e
set +u
export NB_USER=jovyan
export NB_UID=1000
export NB_GID=100
export DEBIAN_FRONTEND=noninteractive
export CONDA_DIR=/opt/conda
export SHELL=/bin/bash
export LC_ALL=en_US.UTF-8
export HOME=/home/jovyan
echo "auth requisite pam_deny.so" >> /etc/pam.d/su
sed -i.bak -e '\\''s/^%admin/#%admin/'\\'' /etc/sudoers
mkdir -p "\${CONDA_DIR}"
chown "\${NB_USER}:\${NB_GID}" "\${CONDA_DIR}"
chmod g+w /etc/passwd'`),
    run(`exec setpriv --reuid=jovyan --regid=jovyan --init-groups /bin/bash -o pipefail -c 'set -e
export HOME=/home/jovyan
set +u
export NB_USER=jovyan
export NB_UID=1000
export NB_GID=100
export DEBIAN_FRONTEND=noninteractive
export CONDA_DIR=/opt/conda
export SHELL=/bin/bash
export LC_ALL=en_US.UTF-8
export HOME=/home/jovyan
mkdir "/home/\${NB_USER}/work"'`),
    pip(['jupyterlab>=4,<5', 'notebook>=7.0']),
    // line 42: it may delete files of an earlier layer: layout: 'flat' makes one layer
    run(`exec /bin/bash -o pipefail -c 'set -e
set +u
export NB_USER=jovyan
export NB_UID=1000
export NB_GID=100
export DEBIAN_FRONTEND=noninteractive
export CONDA_DIR=/opt/conda
export SHELL=/bin/bash
export LC_ALL=en_US.UTF-8
export HOME=/home/jovyan
jupyter server --generate-config
jupyter lab clean
rm -rf "/home/\${NB_USER}/.cache/yarn"'`),
    // TODO line 48: put start-notebook.py into files/usr-local-bin/start-notebook.py
    project('files/usr-local-bin', { to: '/usr/local/bin' }),
    // line 49: an image of a recipe has no health check: it is the task "healthcheck"
  ],
  user: { name: 'jovyan', uid: 1000, home: '/home/jovyan' },
  workdir: '/home/jovyan',
  env: {
    DEBIAN_FRONTEND: 'noninteractive',
    CONDA_DIR: '/opt/conda',
    SHELL: '/bin/bash',
    NB_USER: 'jovyan',
    NB_UID: '1000',
    NB_GID: '100',
    LC_ALL: 'en_US.UTF-8',
    HOME: '/home/jovyan',
    JUPYTER_PORT: '8888',
  },
  entrypoint: ['tini', '-g', '--'],
  cmd: ['start-notebook.py'],
  labels: { maintainer: 'Team <team@example.org>' },
  expose: ['8888/tcp'],
  layout: 'flat',
  tasks: {
    healthcheck: {
      description: 'The HEALTHCHECK of the Dockerfile',
      command: ['/bin/bash', '-o', 'pipefail', '-c', '/etc/jupyter/docker_healthcheck.py || exit 1'],
    },
  },
})
