/** Name of a step's stage, directory and layer: its kind, and its place in the recipe from 1. */
export function stepName(index: number, kind: string): string {
  return `${kind}-${index + 1}`
}
