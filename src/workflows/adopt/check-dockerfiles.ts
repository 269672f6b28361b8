import { dirname, resolve } from 'node:path'
import { checkDockerfile, summarizeCheck } from '../../adopt/check/check-dockerfile.ts'
import type { DockerfileCheck } from '../../adopt/check/finding.ts'
import { buildContext, readDockerfileText } from './read-build-context.ts'

/**
 * Checks Dockerfiles. Nothing is run, and nothing is asked of the network.
 *
 * @param paths as they are shown, relative to the directory
 * @param context the build context's directory; that of each Dockerfile when not said
 * @throws {StillroomError} DOCKERFILE_UNREADABLE
 */
export async function checkDockerfiles(
  directory: string,
  paths: readonly string[],
  { context, buildArgs }: { context?: string | undefined; buildArgs?: Record<string, string> } = {},
): Promise<DockerfileCheck> {
  const files = []
  for (const path of paths) {
    const file = resolve(directory, path)
    const text = await readDockerfileText(file, path)
    const contextFile = buildContext(context === undefined ? dirname(file) : resolve(directory, context))
    files.push({
      path,
      findings: checkDockerfile(text, { contextFile, ...(buildArgs ? { buildArgs } : {}) }),
    })
  }
  return summarizeCheck(files)
}
