import { resolve } from 'node:path'
import { Args } from '@oclif/core'
import type { InitResult } from '../workflows/project/init-project.ts'
import { BaseCommand } from './base-command.ts'

export default class Init extends BaseCommand {
  static override summary = 'Set up a repository for recipes'
  static override description =
    'Adds settings, a first recipe, workflows for GitHub and what git must know about lockfiles. ' +
    'Files that are there stay as they are; running it again changes nothing.'
  static override examples = ['<%= config.bin %> init', '<%= config.bin %> init images']
  static override args = {
    directory: Args.string({ description: 'where to; made when it is not there', default: '.' }),
  }

  async run(): Promise<InitResult> {
    const { args, flags } = await this.parse(Init)
    const { initProject } = await import('../workflows/project/init-project.ts')
    const result = await initProject({
      directory: resolve(flags.directory, args.directory),
      env: process.env,
      signal: this.signal,
    })
    for (const { path, outcome } of result.files) this.log(`${outcome.padEnd(10)} ${path}`)
    const { mergeDriver } = result
    this.log(
      mergeDriver.outcome === 'none'
        ? `no merge driver: ${mergeDriver.reason}; run it again in a git repository`
        : `${mergeDriver.outcome.padEnd(10)} git's merge driver of lockfiles`,
    )
    if (result.next.length > 0) this.log(['next:', ...result.next.map((step) => `  ${step}`)].join('\n'))
    return result
  }
}
