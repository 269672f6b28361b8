import { join } from 'node:path'
import { execa, type Options } from 'execa'
import { inject } from 'vitest'

export interface Outcome {
  exitCode: number | undefined
  stdout: string
  stderr: string
}

/** Runs the packed command line in a project's directory. */
export async function stillroom(directory: string, args: string[], options: Options = {}): Promise<Outcome> {
  const result = await execa(process.execPath, [commandLine(), ...args], {
    cwd: directory,
    reject: false,
    stdin: 'ignore',
    ...options,
  })
  return {
    exitCode: result.exitCode,
    stdout: String(result.stdout ?? ''),
    stderr: String(result.stderr ?? ''),
  }
}

/** The same with `--json`: the one object that it prints. */
export async function stillroomJson<T>(directory: string, args: string[], options: Options = {}): Promise<T> {
  const { stdout, stderr } = await stillroom(directory, [...args, '--json'], options)
  try {
    return JSON.parse(stdout) as T
  } catch {
    throw new Error(`${args.join(' ')} printed no JSON: ${stdout}\n${stderr}`)
  }
}

export function commandLine(): string {
  return join(inject('stillroom'), 'bin/run.js')
}
