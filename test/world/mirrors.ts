import { randomBytes } from 'node:crypto'
import { LOOPBACK_NAMES } from './certificates.ts'
import { distributions, fillRepositories } from './contents.ts'
import { startGitServer } from './git-server.ts'
import { secretForms } from './login.ts'
import type { OciImage } from './oci-image.ts'
import { startIndex } from './package-index.ts'
import { startRegistry } from './registry.ts'
import type { World } from './world.ts'

/** Second places, which keep what the world had at its beginning. */
export interface Mirrors {
  /** What names them to stillroom; with their logins, as a CI job would have them. */
  env: Record<string, string>
  secrets: string[]
  close(): Promise<void>
}

/** Starts mirrors of a world's registry, git server and package index. Its apt archive has a snapshot service. */
export async function startMirrors(
  world: World,
  { image, repository, tag }: { image: OciImage; repository: string; tag: string },
): Promise<Mirrors> {
  const { ca } = world.authority
  const tls = await world.authority.issue(LOOPBACK_NAMES)
  const login = { user: 'mirror-user', password: `mirror-${randomBytes(12).toString('hex')}` }
  const registry = await startRegistry({ tls, ca, login: { ...login, kind: 'basic' } })
  await registry.push(image, repository, tag)
  const git = await startGitServer({ tls, login })
  await fillRepositories(git)
  const index = await startIndex({ tls, login })
  index.add(...(await distributions()))
  const pair = `${login.user}:${login.password}`
  return {
    env: {
      STILLROOM_REGISTRY_MIRRORS: `${world.front.registry.host}=https://${pair}@${registry.host}`,
      STILLROOM_GIT_MIRRORS: `${world.front.git.url}/=${git.url}/`,
      STILLROOM_GIT_TOKENS: `${git.url}/=${pair}`,
      PIP_EXTRA_INDEX_URL: `https://${pair}@${index.host}/simple/`,
    },
    secrets: secretForms(login),
    close: async () => {
      await registry.close()
      await git.close()
      await index.close()
    },
  }
}
