/** Gives so many bytes of a file from an offset on, all of them; what it gives stays as it is. */
export type ReadAt = (offset: number, length: number) => Promise<Buffer>
