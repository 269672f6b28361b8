import { GitRefusal, type GitRunner, tryGit } from './run-git.ts'

/** Each is a program that is run twice: a repository that moved from host to host has one or two. */
const REDIRECTS = 5
const SERVICE = '/info/refs?service=git-upload-pack'

/**
 * Works on a remote repository, and where its server leads. git would take login, headers and cookies along to whatever server
 * that is (so do all its releases), so that it is not let follow: a new address is one more repository, which is asked with
 * what the machine has for it. Headers that are set for all servers stay on the one that was named.
 *
 * @param work is given the address, and how git is to be run on it
 * @throws GitRefusal as `work`, also when a redirect leads to no repository
 */
export async function followRedirects<T>(
  url: string,
  runner: GitRunner,
  work: (url: string, runner: GitRunner) => Promise<T>,
): Promise<T> {
  let at = url
  let headers: string[] = []
  for (let followed = 0; ; followed += 1) {
    const asking = { ...runner, options: [...stayOn(at), ...headers] }
    try {
      return await work(at, asking)
    } catch (error) {
      if (!(error instanceof GitRefusal) || !/returned error: 30[12378]/.test(error.said)) throw error
      if (followed === REDIRECTS) throw new GitRefusal(`${url} leads on and on: ${REDIRECTS} redirects`)
      const next = await whereTo(at, asking)
      if (!isSameServer(at, next)) headers = ['-c', 'http.extraHeader=']
      at = next
    }
  }
}

/** The settings of a user for one server, or a part of it, have precedence over those for all: so do these. */
function stayOn(url: string): string[] {
  const keys = ['http', ...(url.includes('=') ? [] : [`http.${url}`])]
  return keys.flatMap((key) => ['-c', `${key}.followRedirects=false`])
}

/** The address that the server of a repository leads to. @throws GitRefusal when it is none of a repository */
async function whereTo(url: string, runner: GitRunner): Promise<string> {
  const env = { ...runner.env, GIT_TRACE_CURL: '2', GIT_TRACE_CURL_NO_DATA: '1', GIT_TRACE_REDACT: '1' }
  const { said = '' } = await tryGit({ ...runner, env }, ['ls-remote', '--quiet', '--', url])
  const location = [...said.matchAll(/<= Recv header: location: *(\S+)/gi)].at(-1)?.[1]
  const asked = `${url.replace(/\/+$/, '')}${SERVICE}`
  const next = location !== undefined && URL.canParse(location, asked) ? new URL(location, asked) : undefined
  if (next === undefined || !/^https?:$/.test(next.protocol) || !next.href.endsWith(SERVICE))
    throw new GitRefusal(
      `the server leads to ${next ? next.origin : 'nowhere'}, where it names no repository`,
    )
  // a login in it is one that the server hands out
  next.username = ''
  next.password = ''
  return next.href.slice(0, -SERVICE.length)
}

function isSameServer(a: string, b: string): boolean {
  return URL.canParse(a) && URL.canParse(b) && new URL(a).origin === new URL(b).origin
}
