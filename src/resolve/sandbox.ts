/** What a program in a sandbox left behind. */
export interface SandboxResult {
  exitCode: number
  stdout: string
  stderr: string
}

/** One file to be put into a sandbox, at an absolute path. */
export interface SandboxFile {
  path: string
  content: Uint8Array | string
}

/** A throw-away container of an image that is being resolved: what happens in it stays in it. */
export interface Sandbox {
  run(command: readonly string[], env?: Record<string, string>): Promise<SandboxResult>
  write(files: readonly SandboxFile[]): Promise<void>
  /** Takes a file away; none is there when it is no longer. */
  remove(path: string): Promise<void>
  /** The regular files directly in a directory, one after the other; each content must be read to its end. */
  read(directory: string): AsyncIterable<{ name: string; content: AsyncIterable<Uint8Array> }>
}
