import { join } from 'node:path'
import { execa, type Options } from 'execa'
import { inject } from 'vitest'
import { checkJson } from './json-schemas.ts'

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

/** The same with `--json`: the one object that it prints, which is by its schema in docs/schemas. */
export async function stillroomJson<T>(directory: string, args: string[], options: Options = {}): Promise<T> {
  const { stdout, stderr } = await stillroom(directory, [...args, '--json'], options)
  const printed = parse(stdout)
  if (printed === undefined) throw new Error(`${args.join(' ')} printed no JSON: ${stdout}\n${stderr}`)
  checkJson(args, printed)
  return printed as T
}

function parse(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch {
    return undefined
  }
}

/** The error that a command under `--json` ends with, and its exit code. */
export async function failure(directory: string, args: string[], options: Options = {}) {
  const { exitCode, stdout, stderr } = await stillroom(directory, [...args, '--json'], options)
  const parsed = JSON.parse(stdout) as { error?: { code: string; message: string; hint?: string } }
  if (!parsed.error) throw new Error(`expected an error, got ${stdout}\n${stderr}`)
  return { exitCode, ...parsed.error }
}

export function commandLine(): string {
  return join(inject('stillroom'), 'bin/run.js')
}
