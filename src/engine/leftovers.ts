import { isRunning } from '../store/owner.ts'
import type { Engine } from './connect.ts'
import { CONTAINER_LABEL } from './container.ts'
import { engineAnswer, unlessStatus } from './engine-error.ts'
import { TASK_LABELS } from './task-container.ts'

/** Containers that a killed run of stillroom has left behind, by their short ids. */
export async function findLeftovers({ docker }: Engine): Promise<string[]> {
  const list = async (label: string) => docker.listContainers({ all: true, filters: { label: [label] } })
  const temporary = (await list(CONTAINER_LABEL)).filter(
    ({ Labels }) => !isRunning(Number(Labels[CONTAINER_LABEL])),
  )
  const tasks = (await list(TASK_LABELS.project)).filter(
    ({ State }) => State !== 'running' && State !== 'removing',
  )
  return [...temporary, ...tasks].map(({ Id }) => Id.slice(0, 12))
}

export async function removeLeftover({ docker }: Engine, id: string): Promise<void> {
  const removed = docker.getContainer(id).remove({ force: true, v: true }).catch(unlessStatus(404, 409))
  await engineAnswer(`removing container ${id}`, removed)
}
