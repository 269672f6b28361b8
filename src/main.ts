// What bin/run.js starts: oclif finds the command by its name and loads that one alone.
import { fileURLToPath } from 'node:url'
import { Config } from '@oclif/core/config'
import { execute } from '@oclif/core/execute'
import { readCommandLine } from './commands/command-line.ts'

const config = await Config.load(fileURLToPath(import.meta.url))
const args = await read(process.argv.slice(2))
if (args !== undefined) await execute({ args, loadOptions: config })

async function read(argv: string[]): Promise<string[] | undefined> {
  try {
    return readCommandLine(argv, config.commandIDs)
  } catch (error) {
    const { describeError } = await import('./report/describe-error.ts')
    const { exitCode, text, json } = describeError(error)
    process.exitCode = exitCode
    if (argv.includes('--json')) console.log(JSON.stringify({ error: json }, null, 2))
    else process.stderr.write(text)
    return undefined
  }
}
