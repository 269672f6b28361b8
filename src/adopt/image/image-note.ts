/** Something to know of an adopted image, or left to do. */
export interface ImageNote {
  kind: 'todo' | 'note'
  text: string
  /** What to type. */
  next?: string
}
