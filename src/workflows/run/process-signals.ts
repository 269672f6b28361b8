const SIGNALS = ['SIGINT', 'SIGTERM', 'SIGHUP', 'SIGQUIT'] as const

/** Tells of the signals that reach this process, which then don't end it, until the returned function is called. */
export function onProcessSignal(listener: (name: string) => void): () => void {
  for (const name of SIGNALS) process.on(name, listener)
  return () => {
    for (const name of SIGNALS) process.off(name, listener)
  }
}
