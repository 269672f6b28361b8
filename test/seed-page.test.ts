import { existsSync } from 'node:fs'
import { chmod, cp, mkdir, mkdtemp, readFile, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { execa } from 'execa'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { NIGHTLY } from './support/nightly.ts'
import { ownName } from './support/own-name.ts'
import { fillProject, put } from './support/project.ts'
import { commandLine } from './support/stillroom.ts'
import { makeBaseImage } from './world/base-image.ts'
import { canHaveWorld } from './world/can-have-world.ts'
import { CERTIFICATES } from './world/client-settings.ts'
import { EXPERIMENT, LEARNING } from './world/contents.ts'
import { startWorld, type World } from './world/world.ts'

/*
 * What one types to make, use, send and clean up a container by hand, as the instructions did that stillroom began with, each
 * beside what is typed here instead. The second is done, in this order, with servers of 127.0.0.1 for those of the first.
 */

const possible = NIGHTLY ? await canHaveWorld() : 'it takes minutes (STILLROOM_NIGHTLY=1)'
if (possible !== true) console.warn(`skipped: the page of a container by hand, since ${possible}`)

const NAME = ownName('seed-page')
const BASE = { repository: 'fenicsproject/stable', tag: 'latest' }
const CLIENT =
  'import sys, urllib.request as r; print("trained", r.urlopen(f"http://localhost:{sys.argv[1]}").status)'

interface Step {
  byHand: string
  /** A line for a shell, in the project or, with `elsewhere`, in its copy on another machine. */
  here: string
  elsewhere?: boolean
  /** What it says, on either output. */
  says?: string | RegExp
}

const STEPS: Step[] = [
  { byHand: 'docker pull; pip install; git clone, with a password', here: `stillroom lock recipe ${NAME}` },
  { byHand: 'docker commit; docker tag', here: `stillroom build recipe ${NAME}`, says: /audit +clean/ },
  { byHand: 'docker images', here: 'stillroom list recipes', says: NAME },
  {
    byHand: 'docker exec -ti NAME bash -l',
    here: `echo 'id -un; cd ~/experiment; python3 train.py' | stillroom shell recipe ${NAME}`,
    says: 'fenics\ntraining with 0.4.2',
  },
  {
    byHand: 'python3 launch_servers.py -p 43643, in a terminal',
    here: `stillroom run recipe ${NAME} servers --detach -- 43643`,
  },
  { byHand: 'docker ps', here: 'stillroom ps', says: new RegExp(`${NAME} +servers`) },
  {
    byHand: 'python3 launch_parallel_training.py -p 43643, in another',
    here: `stillroom run recipe ${NAME} training --wait-for 43643 -- 43643`,
    says: 'trained 200',
  },
  {
    byHand: 'a look at the first terminal',
    here: `stillroom logs recipe ${NAME} servers`,
    says: 'GET / HTTP',
  },
  { byHand: 'Ctrl-C; docker stop', here: `stillroom stop recipe ${NAME}` },
  {
    byHand: 'docker save > image.tar',
    here: `stillroom save recipe ${NAME} ../image.tar`,
    says: /sha256 +[0-9a-f]{64}/,
  },
  {
    byHand: 'sha256sum image.tar',
    here: 'cd .. && sha256sum --check image.tar.sha256',
    says: 'image.tar: OK',
  },
  { byHand: 'docker rmi', here: `docker image rm --force stillroom/${NAME}` },
  {
    byHand: 'docker load < image.tar',
    here: 'stillroom load ../image.tar',
    elsewhere: true,
    says: 'the image that the lockfile of recipe',
  },
  {
    byHand: 'docker run --name spinup_1; docker start; docker exec',
    here: `echo 'widget' | stillroom shell recipe ${NAME}`,
    elsewhere: true,
    says: 'widget 1.0',
  },
  { byHand: 'docker rm; docker rmi', here: 'stillroom prune --dry-run', says: `stillroom/${NAME}` },
]

describe.skipIf(possible !== true)('what is typed by hand, and here', () => {
  let world: World
  let root: string
  let env: NodeJS.ProcessEnv

  beforeAll(async () => {
    world = await startWorld()
    root = await mkdtemp(join(tmpdir(), 'stillroom-seed-page-'))
    const { image, remove } = await makeBaseImage({ key: world.apt.key })
    await world.registry.push(image, BASE.repository, BASE.tag).finally(remove)
    const bin = join(root, 'bin')
    await put(
      bin,
      'stillroom',
      `#!/bin/sh
exec '${process.execPath}' '${commandLine()}' "$@"
`,
    )
    await chmod(join(bin, 'stillroom'), 0o755)
    // the one setting for all sources, in place of what each client has of its own
    const unset = Object.fromEntries([...CERTIFICATES, 'STILLROOM_CACHE'].map((name) => [name, '']))
    env = { ...world.env, ...unset, PATH: `${bin}:${process.env.PATH}`, XDG_CACHE_HOME: join(root, 'cache') }
    await mkdir(join(root, 'project'))
    await fillProject(join(root, 'project'), {
      'stillroom.config.ts': `export default { sources: { ca: '${world.authority.caFile}' } }\n`,
      [`recipes/${NAME}/recipe.ts`]: recipe(),
    })
  })
  afterAll(async () => {
    await execa('docker', ['image', 'rm', '--force', `stillroom/${NAME}`], { reject: false })
    await world?.close()
    if (root !== undefined) await rm(root, { recursive: true, force: true })
  })

  const recipe = () => `import { apt, defineRecipe, git, image, pip } from 'stillroom'
export default defineRecipe({
  base: image('${world.front.registry.host}/${BASE.repository}:${BASE.tag}'),
  steps: [
    apt(['widget']),
    git('${world.front.git.url}/${LEARNING}.git', { ref: '0.4.2', to: '/opt/learning', submodules: true }),
    pip([], { local: [{ path: '/opt/learning', editable: true }] }),
    git('${world.front.git.url}/${EXPERIMENT}.git', { ref: 'main', to: '/home/fenics/experiment' }),
  ],
  tasks: {
    servers: { command: ['python3', '-u', '-m', 'http.server', '--bind', 'localhost'] },
    training: { command: ['python3', '-c', ${JSON.stringify(CLIENT)}] },
  },
})
`

  // each goes on where the one before ended
  test.each(STEPS)('$byHand: $here', async ({ here, elsewhere, says = '' }) => {
    const [project, other] = ['project', 'other'].map((name) => join(root, name)) as [string, string]
    // the other machine has a clone, and nothing in its cache
    if (elsewhere && !existsSync(other)) await cp(project, other, { recursive: true })
    const own = elsewhere ? { XDG_CACHE_HOME: join(root, 'other-cache') } : {}
    const { exitCode, all } = await execa('sh', ['-c', here], {
      ...{ cwd: elsewhere ? other : project, env: { ...env, ...own }, reject: false, all: true },
      stdin: 'ignore',
    })
    expect(exitCode, all).toBe(0)
    if (typeof says === 'string') expect(all).toContain(says)
    else expect(all).toMatch(says)
  })

  test('no password is in the repository', async () => {
    const lock = await readFile(join(root, 'project', 'recipes', NAME, 'lock.json'), 'utf8')
    expect(lock).toContain(world.commits[EXPERIMENT])
    for (const secret of world.secrets) expect(lock).not.toContain(secret)
  })
})
