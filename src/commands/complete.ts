import { resolve } from 'node:path'
import { Args } from '@oclif/core'
import { BaseCommand } from './base-command.ts'
import { completeWords } from './complete-words.ts'

interface CompletedWords {
  words: string[]
}

/** What the scripts of `completion` ask at each press of the tab key. It opens no session, and never fails. */
export default class Complete extends BaseCommand {
  static override hidden = true
  static override strict = false
  static override summary = 'Say what the last of some words may become; asked by the scripts of completion'
  static override args = { words: Args.string({ description: 'the words so far, after "--"' }) }

  async run(): Promise<CompletedWords> {
    const { argv } = await this.parse(Complete)
    const words = (argv as string[]).map(String)
    const place = words.findIndex((word) => word === '-C' || word === '--directory')
    const directory = resolve((place >= 0 && words[place + 1]) || '.')
    const { projectNames } = await import('../workflows/project/project-names.ts')
    const found = await completeWords(words, this.config.commands, projectNames(directory)).catch(() => [])
    for (const word of found) this.log(word)
    return { words: found }
  }
}
