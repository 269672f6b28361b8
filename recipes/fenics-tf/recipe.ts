import { apt, debian, defineRecipe, pip, project, run } from 'stillroom'

const DOLFIN = '/usr/lib/petsc/lib/python3/dist-packages/dolfin/__init__.py'

export default defineRecipe({
  description:
    'FEniCS 2019.2 with tensorforce 0.6.5: drag reduction by jets, trained in parallel over sockets',
  mpi: 'openmpi',
  base: debian('bullseye'),
  steps: [
    apt([
      'python3-dolfin',
      'python3-pip',
      'python3-setuptools',
      'python3-wheel',
      // TensorFlow 2.6 asks for just these versions, which the index has as source only
      'python3-termcolor',
      'python3-wrapt',
    ]),
    pip(
      [
        'tensorforce==0.6.5',
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
    // dolfin makes the symbols of all that is loaded after it visible to everything (RTLD_GLOBAL), and TensorFlow then ends the
    // process: it was compiled with Protocol Buffers 3.9 and finds those of 3.20, and h5py finds dolfin's HDF5
    run(
      `sed -i 's/sys.setdlopenflags(RTLD_NOW | RTLD_GLOBAL)/pass/' ${DOLFIN} && ! grep RTLD_GLOBAL\\) ${DOLFIN}`,
    ),
    project('solver', { to: '/home/fenics/local/solver' }),
  ],
  user: { name: 'fenics', uid: 1000, home: '/home/fenics' },
  workdir: '/home/fenics/local/solver',
  shared: '/home/fenics/shared',
  volumes: ['/home/fenics/shared'],
  expose: ['43643-43652/tcp'],
  env: {
    HOME: '/home/fenics',
    // Open MPI: no daemon beside a single process, no ssh to look for
    OMPI_MCA_ess_singleton_isolated: '1',
    OMPI_MCA_plm_rsh_agent: 'sh',
    OMP_NUM_THREADS: '1',
    TF_CPP_MIN_LOG_LEVEL: '2',
  },
  cmd: ['bash', '-l'],
  checks: [
    { name: 'python', command: ['python3', '--version'], expect: 'Python 3.9' },
    {
      name: 'versions',
      command: ['python3', '-c', 'import dolfin; print(dolfin.__version__)'],
      expect: '2019.2',
    },
    {
      name: 'fenics solves',
      command: [
        'python3',
        '-c',
        'from dolfin import *; mesh = UnitSquareMesh(8, 8); V = FunctionSpace(mesh, "P", 1); u, v = TrialFunction(V), TestFunction(V); w = Function(V); solve(inner(grad(u), grad(v))*dx == v*dx, w, DirichletBC(V, 0, "on_boundary")); print("max %.4f" % w.vector().max())',
      ],
      expect: 'max 0.07',
    },
    {
      name: 'tensorforce',
      command: ['python3', '-c', 'import tensorforce; print(tensorforce.__version__)'],
      expect: '0.6.5',
    },
    // each pair, in either order
    ...['dolfin', 'tensorforce', 'h5py'].flatMap((first, _, modules) =>
      modules
        .filter((second) => second !== first)
        .map((second) => ({
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
      description: 'Train an agent against them: -n N -p PORT --episodes E',
      command: ['python3', 'launch_parallel_training.py'],
    },
  },
})
