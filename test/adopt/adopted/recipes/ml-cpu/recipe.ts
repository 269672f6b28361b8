// A draft of Dockerfile: nothing of it has been built yet.
// line 1: python:3.11 becomes bookworm with Debian's own Python 3.11
// line 1: the image has compilers and headers besides: name those that are needed in the apt step
import { apt, debian, defineRecipe, pip, project, requirementsFile, run } from 'stillroom'

export default defineRecipe({
  base: debian('bookworm'),
  steps: [
    apt(['python3', 'python3-pip', 'python-is-python3']),
    // TODO line 4: put what is in requirements into files/workspace/requirements
    // TODO line 13: put what is in src into files/workspace/src
    // TODO line 14: put pyproject.toml into files/workspace/pyproject.toml
    // TODO line 14: put README.md into files/workspace/README.md
    project('files/workspace', { to: '/workspace' }),
    // line 5: the pip of the image installs, and is not replaced
    pip(['setuptools', 'wheel']),
    // TODO line 6: this needs the network, and a build has none; instead: pip(['NAME==VERSION', ...])
    //   pip install torch==2.2.0+cpu --extra-index-url https://download.example.org/whl/cpu
    pip([requirementsFile('requirements/base.txt')], {
      constraints: [requirementsFile('requirements/constraints.txt')],
    }),
    run(`export PIP_NO_CACHE_DIR=1
export PIP_DISABLE_PIP_VERSION_CHECK=on
export PYTHONFAULTHANDLER=1
export HF_HOME=/models
mkdir -p /workspace && cd /workspace
python -c "import numpy; print(numpy.__version__)" > version.txt`),
    run(`export PIP_NO_CACHE_DIR=1
export PIP_DISABLE_PIP_VERSION_CHECK=on
export PYTHONFAULTHANDLER=1
export HF_HOME=/models
mkdir -p /workspace && cd /workspace
python - <<PY
import json, pathlib
pathlib.Path("/workspace/conf.json").write_text(json.dumps({"seed": 1}))
PY`),
    // TODO line 15: this needs the network, and a build has none; instead: pip(['NAME==VERSION', ...])
    //   pip install --no-deps -e .[train]
    run(`export PIP_NO_CACHE_DIR=1
export PIP_DISABLE_PIP_VERSION_CHECK=on
export PYTHONFAULTHANDLER=1
export HF_HOME=/models
mkdir -p /workspace && cd /workspace
chown -R trainer /workspace`),
  ],
  user: { name: 'trainer', uid: 1001, home: '/home/trainer', shell: '/bin/sh' },
  workdir: '/workspace',
  env: {
    PIP_NO_CACHE_DIR: '1',
    PIP_DISABLE_PIP_VERSION_CHECK: 'on',
    PYTHONFAULTHANDLER: '1',
    HF_HOME: '/models',
  },
  entrypoint: ['python', '-m'],
  cmd: ['app.train', '--epochs', '1'],
  volumes: ['/models', '/data'],
})
