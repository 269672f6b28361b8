import type { Engine } from './connect.ts'
import { engineAnswer, unlessStatus } from './engine-error.ts'

/**
 * Makes an image of a container as it is now (`docker commit`); a running one is paused for that long. The image has no name.
 *
 * @returns what the engine calls the image; undefined when it has no such container
 */
export async function commitContainer({ docker }: Engine, name: string): Promise<string | undefined> {
  const container = docker.getContainer(name)
  const made = container.commit({ pause: true }).catch(unlessStatus(404)) as Promise<
    { Id: string } | undefined
  >
  return (await engineAnswer(`making an image of container ${name}`, made))?.Id
}
