/** `2026-11-22 02:10 UTC`. */
export function timeOf(at: string): string {
  return new Date(at).toISOString().slice(0, 16).replace('T', ' ').concat(' UTC')
}
