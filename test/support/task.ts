import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { commandLine } from './stillroom.ts'

/** A task of a recipe that runs on beside the test. */
export interface RunningTask {
  /** Waits until it prints `text`, and gives all that it said until then. Fails when it ends before. */
  said(text: string): Promise<string>
  /** As Ctrl-C does. */
  stop(): Promise<void>
}

export function startTask(directory: string, args: readonly string[]): RunningTask {
  const child = spawn(process.execPath, [commandLine(), ...args], {
    cwd: directory,
    stdio: ['ignore', 'pipe', 'inherit'],
  })
  let printed = ''
  // read on to the end, as a closed pipe would end the task
  child.stdout.on('data', (chunk) => {
    printed += chunk
  })
  return {
    said: (text) =>
      new Promise((resolve, reject) => {
        const look = () => {
          if (printed.includes(text)) resolve(printed)
        }
        child.stdout.on('data', look)
        child.once('exit', () =>
          reject(new Error(`the task ended before it said ${JSON.stringify(text)}: ${printed}`)),
        )
        look()
      }),
    stop: async () => {
      if (child.exitCode !== null) return
      child.kill('SIGINT')
      await once(child, 'exit')
    },
  }
}
