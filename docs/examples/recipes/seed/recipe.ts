// The project that stillroom began with: parallel flow control by reinforcement learning (Rabault and Kuhnle, Physics of
// Fluids, 2019), at its last commit, with the tensorforce of its time and without the image that it used to come in.
//
// Its repository may be private: git on this machine logs in as it always does (ssh agent, credential helper), and where it
// can't, as in CI, by a token: STILLROOM_GIT_TOKENS="https://github.com/=USER:TOKEN". Lockfile and image have neither.
import { apt, debian, defineRecipe, git, pip, run } from 'stillroom'

const DOLFIN = '/usr/lib/petsc/lib/python3/dist-packages/dolfin/__init__.py'
const PROJECT = '/home/fenics/local/Cylinder2DFlowControlDRLParallel'
const CODE = `${PROJECT}/Cylinder2DFlowControlWithRL`

/**
 * The training was written for a tensorforce between two releases. Where 0.5.3 wants something else: the name of the saver's
 * interval, the number of parallel interactions without the environment that only evaluates, and two arguments that the
 * runner takes when it is made and no longer when it runs.
 */
const PATCHES = [
  's/seconds=72000/frequency=72000/',
  's/parallel_interactions=number_servers/parallel_interactions=len(environments)/',
  's/agent=agent, environments=environments,/& max_episode_timesteps=nb_actuations, save_best_agent="best_agent" if use_best_model else None,/',
  's/num_episodes=400, max_episode_timesteps=nb_actuations,/num_episodes=400,/',
  '/^ *save_best_agent=use_best_model$/d',
]

/** Each must change something: a repository that reads otherwise fails here, and not in the middle of a training. */
const PATCHING = `
cd ${CODE}
for patch in ${PATCHES.map((patch) => `'${patch}'`).join(' ')}; do
  sed "$patch" launch_parallel_training.py > patched
  if cmp -s patched launch_parallel_training.py; then
    echo "nothing to change for: $patch" >&2
    exit 1
  fi
  cat patched > launch_parallel_training.py
done
rm patched`

export default defineRecipe({
  description: 'Cylinder2DFlowControlDRLParallel with FEniCS 2019.2 and tensorforce 0.5.3',
  base: debian('bullseye'),
  steps: [
    apt([
      'python3-dolfin',
      'python3-pip',
      'python3-setuptools',
      'python3-wheel',
      'python3-termcolor',
      'python3-wrapt',
      // the project's launcher shows its terminals in it
      'tmux',
    ]),
    pip(
      [
        'tensorforce==0.5.3',
        'tensorflow==2.6.0',
        // TensorFlow 2.6 names no upper bound for these, and newer ones break it
        'keras==2.6.0',
        'tensorflow-estimator==2.6.0',
        'tensorboard==2.6.0',
        'protobuf<3.21',
        'h5py==3.1.0',
        'gym==0.21.0',
        'wheel==0.37.1',
      ],
      { sdists: { clang: [], gym: [] } },
    ),
    // dolfin must not make its libraries visible to those of TensorFlow: see recipes/fenics-tf
    run(
      `sed -i 's/sys.setdlopenflags(RTLD_NOW | RTLD_GLOBAL)/pass/' ${DOLFIN} && ! grep RTLD_GLOBAL\\) ${DOLFIN}`,
    ),
    // without the parts of an image that its git-lfs keeps: they are what this replaces
    git('https://github.com/jerabaul29/Cylinder2DFlowControlDRLParallel.git', {
      ref: '76f47ec8f09775421b2e643ce66be6416c241017',
      to: PROJECT,
    }),
    run(PATCHING),
  ],
  user: { name: 'fenics', uid: 1000, home: '/home/fenics' },
  workdir: CODE,
  shared: '/home/fenics/shared',
  volumes: ['/home/fenics/shared'],
  env: {
    HOME: '/home/fenics',
    OMPI_MCA_ess_singleton_isolated: '1',
    OMPI_MCA_plm_rsh_agent: 'sh',
    OMP_NUM_THREADS: '1',
    TF_CPP_MIN_LOG_LEVEL: '2',
  },
  cmd: ['bash', '-l'],
  checks: [
    {
      name: 'tensorforce',
      command: ['python3', '-c', 'import tensorforce; print(tensorforce.__version__)'],
      expect: '0.5.3',
    },
    {
      name: 'both',
      command: ['python3', '-c', "import dolfin, tensorforce; print('both')"],
      expect: 'both',
    },
    {
      name: 'training',
      command: ['python3', 'launch_parallel_training.py', '--help'],
      expect: '--ports-start',
    },
  ],
  tasks: {
    servers: {
      description: 'Start simulation servers: -n N -p PORT',
      command: ['python3', 'launch_servers.py'],
    },
    training: {
      description: 'Train an agent against them: -n N -p PORT',
      command: ['python3', 'launch_parallel_training.py'],
    },
  },
})
