import { Recipe } from '../recipe/schema.ts'
import { lockInputs } from './lock-inputs.ts'
import type { LockedImageBase, Lockfile } from './schema.ts'

/** What {@link smallLock} is made from. */
export const smallRecipe = Recipe.parse({
  base: { kind: 'debian', suite: 'bookworm' },
  steps: [
    { kind: 'apt', packages: ['python3'] },
    {
      kind: 'pip',
      requirements: ['six==1.16.0', 'docopt'],
      local: [{ path: '/opt/tool', editable: true }],
      sdists: { docopt: ['wheel'] },
    },
    {
      kind: 'git',
      url: 'https://git.example.org/team/tool.git',
      ref: 'v1',
      to: '/opt/tool',
      submodules: true,
      lfs: true,
    },
    { kind: 'file', url: 'https://example.org/mesh.tar.gz', to: '/opt/mesh', unpack: true },
    { kind: 'project', path: 'solver', to: '/opt/solver' },
    { kind: 'run', command: ['true'] },
  ],
  env: { LANG: 'C.UTF-8' },
  cmd: ['python3'],
})

const hash = (digit: string) => digit.repeat(64)
const pool = { archive: 'debian', size: 1000, sha256: hash('a') } as const

/** A lock of every kind of step, small enough to read. */
export const smallLock: Lockfile = {
  lockfileVersion: 1,
  recipe: 'small',
  inputs: lockInputs(smallRecipe, { solver: '2'.repeat(40) }),
  platforms: {
    'linux/amd64': {
      epoch: 1_700_000_000,
      base: {
        kind: 'debian',
        suite: 'bookworm',
        indexes: [
          {
            archive: 'debian',
            suite: 'bookworm',
            component: 'main',
            date: '2023-11-14T22:13:20Z',
            release: hash('1'),
            packages: hash('2'),
            signedBy: ['0123456789ABCDEF0123456789ABCDEF01234567'],
          },
        ],
        seed: ['dpkg'],
        packages: [
          {
            ...pool,
            name: 'dpkg',
            version: '1.21.22',
            architecture: 'amd64',
            path: 'pool/main/d/dpkg/dpkg_1.21.22_amd64.deb',
          },
          {
            ...pool,
            name: 'adduser',
            version: '3.134',
            architecture: 'all',
            path: 'pool/main/a/adduser/adduser_3.134_all.deb',
          },
        ],
        clock: {
          ...pool,
          name: 'tcc',
          version: '0.9.27+git20200814.62c30a4a-1',
          architecture: 'amd64',
          path: 'pool/main/t/tcc/tcc_0.9.27+git20200814.62c30a4a-1_amd64.deb',
        },
      },
      steps: [
        {
          kind: 'apt',
          packages: [
            {
              ...pool,
              name: 'python3',
              version: '3.11.2-1+b1',
              architecture: 'amd64',
              path: 'pool/main/p/python3-defaults/python3_3.11.2-1+b1_amd64.deb',
            },
          ],
          order: ['unpack python3', 'configure python3'],
        },
        {
          kind: 'pip',
          pip: '23.0.1',
          files: [
            {
              name: 'six',
              version: '1.16.0',
              file: 'six-1.16.0-py2.py3-none-any.whl',
              size: 11,
              sha256: hash('b'),
              replaces: '1.15.0',
            },
            { name: 'docopt', version: '0.6.2', file: 'docopt-0.6.2.tar.gz', size: 12, sha256: hash('c') },
          ],
          build: {
            docopt: [
              {
                name: 'wheel',
                version: '0.40.0',
                file: 'wheel-0.40.0-py3-none-any.whl',
                size: 13,
                sha256: hash('d'),
              },
            ],
          },
          provided: [{ name: 'setuptools', version: '66.1.1' }],
          local: [{ path: '/opt/tool', name: 'tool', version: '1.0', editable: true }],
        },
        {
          kind: 'git',
          url: 'https://git.example.org/team/tool.git',
          commit: '3'.repeat(40),
          tree: '4'.repeat(40),
          submodules: [
            {
              path: 'vendor/part',
              url: 'https://git.example.org/team/part.git',
              commit: '5'.repeat(40),
              tree: '6'.repeat(40),
            },
          ],
          lfs: [{ path: 'data/mesh.bin', size: 14, sha256: hash('7') }],
          size: 15,
          sha256: hash('8'),
        },
        { kind: 'file', url: 'https://example.org/mesh.tar.gz', size: 16, sha256: hash('9') },
        { kind: 'project', commit: '1'.repeat(40), tree: '2'.repeat(40) },
        { kind: 'run' },
      ],
      image: {
        id: `sha256:${hash('3')}`,
        tree: `sha256:${hash('4')}`,
        size: 120_000,
        diffIDs: [`sha256:${hash('5')}`, `sha256:${hash('6')}`],
      },
    },
  },
}

/** A base from a registry. */
export const imageBase: LockedImageBase = {
  kind: 'image',
  reference: 'registry.example.org/team/base:2019.1.0',
  index: null,
  manifest: `sha256:${hash('a')}`,
  config: `sha256:${hash('b')}`,
  created: '2019-04-17T12:00:00Z',
  layers: [
    { digest: `sha256:${hash('c')}`, size: 10, compression: 'gzip', diffID: `sha256:${hash('d')}` },
    { digest: `sha256:${hash('e')}`, size: 20, compression: 'none', diffID: `sha256:${hash('e')}` },
  ],
  configuration: {
    env: { PATH: '/usr/local/bin:/usr/bin:/bin', FENICS_HOME: '/home/fenics' },
    user: 'fenics',
    workdir: '/home/fenics',
    entrypoint: ['/sbin/my_init', '--quiet'],
    cmd: ['/bin/bash', '-l', '-i'],
    labels: { maintainer: 'team' },
    expose: ['8888/tcp'],
    volumes: ['/data'],
    stopSignal: '',
  },
  account: { uid: 1000, gid: 1000, home: '/home/fenics' },
  indexes: [],
  inventory: [
    { kind: 'deb', name: 'libc6', version: '2.27-3ubuntu1', architecture: 'amd64' },
    { kind: 'pypi', name: 'numpy', version: '1.16.3', environment: 'usr/local/lib/python3.6/dist-packages' },
  ],
}
