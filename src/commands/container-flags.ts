import { Flags } from '@oclif/core'
import type { ContainerOptions } from '../workflows/run/run-task.ts'

/** Of the commands that make or join a container of a recipe. */
export const CONTAINER_FLAGS = {
  shared: Flags.string({
    description:
      'the directory that the container has as its shared folder [default: shared, in the project]',
    helpValue: 'DIR',
    exclusive: ['no-shared'],
  }),
  'no-shared': Flags.boolean({ description: 'tie no directory to the shared folder' }),
  network: Flags.string({
    description:
      'what the container can reach: none (localhost only, so that a task depends on nothing but its image and ' +
      'the shared folder), bridge, host, or a network of the engine [default: none; bridge with published ports]',
    helpValue: 'none|bridge|host|NAME',
  }),
  publish: Flags.string({
    char: 'p',
    description:
      'reach a port of the container at a port of this machine; for this machine alone unless an address is given; ' +
      'HOST 0 is any that is free',
    helpValue: '[ADDRESS:][HOST:]CONTAINER[/udp]',
    multiple: true,
    multipleNonGreedy: true,
  }),
  env: Flags.string({
    char: 'e',
    description: 'an environment variable; KEY alone is taken from this environment',
    helpValue: 'KEY[=VALUE]',
    multiple: true,
    multipleNonGreedy: true,
  }),
  'env-file': Flags.string({
    description: 'a file of environment variables: lines KEY=VALUE or KEY, without quotes',
    helpValue: 'FILE',
    multiple: true,
    multipleNonGreedy: true,
  }),
  mount: Flags.string({
    description: 'a file or directory of this machine for the container to have, too; ro: only to be read',
    helpValue: 'SRC:DST[:ro]',
    multiple: true,
    multipleNonGreedy: true,
  }),
  gpus: Flags.string({
    description: "the engine's GPUs: all, a number of them, or some by name",
    helpValue: 'all|N|device=NAME,...',
  }),
  name: Flags.string({
    description: 'a container of its own, beside the one that all tasks of the recipe share',
    helpValue: 'NAME',
  }),
  'wait-for': Flags.string({
    description: 'start when something listens on that port, instead of the ports that the task waits for',
    helpValue: '[HOST:]PORT',
    multiple: true,
    multipleNonGreedy: true,
  }),
}

interface ContainerFlags {
  shared?: string | undefined
  'no-shared': boolean
  network?: string | undefined
  publish?: string[] | undefined
  env?: string[] | undefined
  'env-file'?: string[] | undefined
  mount?: string[] | undefined
  gpus?: string | undefined
  name?: string | undefined
  'wait-for'?: string[] | undefined
}

/** What the flags say. @throws {StillroomError} USAGE */
export async function containerOptions(flags: ContainerFlags): Promise<ContainerOptions> {
  const read = await import('../workflows/run/container-arguments.ts')
  return {
    network: flags.network,
    shared: flags['no-shared'] ? false : flags.shared,
    ports: read.publishedPorts(flags.publish ?? []),
    env: await read.environment(flags.env ?? [], flags['env-file'] ?? [], process.env),
    mounts: read.mounts(flags.mount ?? [], process.cwd()),
    gpus: read.gpusOf(flags.gpus),
    instance: read.instanceName(flags.name),
    waitFor: flags['wait-for'] && read.awaitedPorts(flags['wait-for']),
  }
}
