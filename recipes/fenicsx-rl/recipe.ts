import { apt, debian, defineRecipe, pip, project, run } from 'stillroom'

/** What the training and the servers import, the last with matplotlib and pandas; none may mind which was there before it. */
const MODULES = ['dolfinx', 'torch', 'gymnasium', 'stable_baselines3']

const TORCH = '/usr/lib/python3/dist-packages/torch-2.6.0+debian.egg-info'

export default defineRecipe({
  description:
    'FEniCSx 0.9 with Stable-Baselines3 on Debian’s own PyTorch: drag reduction by jets, trained in parallel over sockets',
  base: debian('trixie'),
  steps: [
    apt([
      'python3-dolfinx',
      // the CPU build of PyTorch
      'python3-torch',
      'python3-matplotlib',
      'python3-pandas',
      'python3-cloudpickle',
      // dolfinx compiles its forms when they are first used
      'gcc',
      'libc6-dev',
      'python3-dev',
      'python3-pip',
    ]),
    // Debian built PyTorch with sympy 1.13.3 and left its metadata as they were: pip would put 1.13.1 into its place
    run(`sed -i 's/sympy==1.13.1/sympy>=1.13.1/' ${TORCH}/* && ! grep -r sympy== ${TORCH}`),
    // newer ones need a newer PyTorch than trixie has
    pip(['stable-baselines3==2.8.0', 'gymnasium==1.2.3']),
    project('control', { to: '/home/fenics/local/control' }),
  ],
  user: { name: 'fenics', uid: 1000, home: '/home/fenics' },
  workdir: '/home/fenics/local/control',
  shared: '/home/fenics/shared',
  volumes: ['/home/fenics/shared'],
  expose: ['43743-43752/tcp'],
  env: {
    HOME: '/home/fenics',
    MPLBACKEND: 'Agg',
    OMP_NUM_THREADS: '1',
  },
  cmd: ['bash', '-l'],
  checks: [
    { name: 'python', command: ['python3', '--version'], expect: 'Python 3.13' },
    {
      name: 'versions',
      command: [
        'python3',
        '-c',
        'import dolfinx, torch, stable_baselines3; print(dolfinx.__version__, torch.__version__, stable_baselines3.__version__)',
      ],
      expect: '0.9.0 2.6.0',
    },
    {
      name: 'dolfinx solves',
      command: ['python3', '-m', 'unittest', 'test_dolfinx'],
    },
    {
      name: 'the environment steps deterministically',
      command: ['python3', '-m', 'unittest', 'test_environment'],
    },
    // each pair, in either order
    ...MODULES.flatMap((first) =>
      MODULES.filter((second) => second !== first).map((second) => ({
        name: `${first}, then ${second}`,
        command: ['python3', '-c', `import ${first}, ${second}; print('both')`],
        expect: 'both',
      })),
    ),
  ],
  tasks: {
    servers: {
      description: 'Start simulation servers: -n N -p PORT',
      command: ['python3', 'launch_servers.py'],
    },
    training: {
      description: 'Train an agent against them: -n N -p PORT --rounds R',
      command: ['python3', 'train.py'],
    },
  },
})
