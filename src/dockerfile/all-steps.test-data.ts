import type { LockedPlatform } from '../lock/schema.ts'
import { smallLock } from '../lock/small-lock.test-data.ts'
import { Recipe } from '../recipe/schema.ts'

/** Every kind of step and every field that the Dockerfile shows, some with values that mean something to a shell. */
export const allSteps = Recipe.parse({
  description: 'Every kind of step',
  base: { kind: 'debian', suite: 'bookworm' },
  steps: [
    { kind: 'apt', packages: ['python3', 'python3-pip'], after: 'rm -rf /usr/share/doc\n' },
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
      to: '/home/fenics/code/my tool',
      subdir: 'a b/$c',
      submodules: true,
      lfs: true,
    },
    { kind: 'file', url: 'https://example.org/mesh.tar.gz', to: '/opt/mesh', unpack: true, strip: 1 },
    { kind: 'project', path: 'solver', to: '/home/fenics/code/solver' },
    { kind: 'run', command: ['printf', '%s', '$HOME "${X:-y}"', '\\', '<<EOF'] },
    { kind: 'run', command: 'echo "$HOME" \\\n  > /opt/home\n' },
  ],
  env: { LANG: 'C.UTF-8', NASTY: '$HOME `id` "${X:-y}" \'a\' \\', EMPTY: '', PATH: '/opt/my bin:/usr/bin' },
  user: { name: 'fenics', uid: 1000, home: '/home/fenics' },
  workdir: '/home/fenics/a b/$c',
  shared: '/home/fenics/shared',
  entrypoint: ['sh', '-c', 'exec "$@"', 'sh'],
  cmd: ['python3', '-c', 'print("\\u00e9 é")'],
  labels: { 'org.example.title': 'a "title" # 1', 'a key': 'back\\slash\\' },
  expose: ['43643/tcp', '8000-8010/udp'],
  volumes: ['/data', '/data 2/$x'],
})

/** The pins of `allSteps`. */
export const allStepsLocked: LockedPlatform = pins()

function pins(): LockedPlatform {
  const platform = smallLock.platforms['linux/amd64']
  if (platform === undefined) throw new Error('smallLock has no linux/amd64')
  return { ...platform, steps: [...platform.steps, { kind: 'run' }] }
}
