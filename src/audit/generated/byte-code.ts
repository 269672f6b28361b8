import { PYTHONS } from '../source-hash.ts'

const BYTE_CODE = /^(?:(.*)\/)?__pycache__\/([^/]+)\.([a-z]+-\d+)(\.opt-\d)?\.pyc$/s

/** The source that byte code in a `__pycache__` is of, and the Python it is for (PEP 3147); undefined for other files. */
export function byteCodeSource(path: string): { source: string; tag: string } | undefined {
  const [, directory, name, tag] = BYTE_CODE.exec(path) ?? []
  if (name === undefined || tag === undefined) return undefined
  return { source: directory === undefined ? `${name}.py` : `${directory}/${name}.py`, tag }
}

/** Bytes of a `.pyc` before the code: magic number, flags, and the source's hash or its time and size (PEP 552). */
export const BYTE_CODE_HEADER = 16

/**
 * What is wrong with the header of byte code. One with the hash of its source must have the right one, when it is
 * known; one that Python holds against time and size of its source must have those of the source at hand.
 *
 * @param hash as `sourceHash()` gives it; undefined when it is not known
 */
export function byteCodeProblem(
  header: Buffer,
  tag: string,
  hash: string | undefined,
  source: { mtime: number; size: number } | undefined,
): string | undefined {
  if (header.length < BYTE_CODE_HEADER) return 'it is cut short'
  const python = PYTHONS.find((known) => known.tag === tag)
  if (python !== undefined && header.readUInt32LE(0) !== python.magic)
    return `it is not for the Python that its name says, ${tag}`
  if ((header.readUInt32LE(4) & 1) !== 0) {
    const actual = header.toString('hex', 8, BYTE_CODE_HEADER)
    return hash === undefined || actual === hash
      ? undefined
      : `it was made from another source: hash ${actual}, expected ${hash}`
  }
  const [mtime, size] = [header.readUInt32LE(8), header.readUInt32LE(12)]
  if (source === undefined || (mtime === source.mtime >>> 0 && size === source.size >>> 0)) return undefined
  return `it was made from a source of ${size} bytes of time ${mtime}, and there is one of ${source.size} bytes of time ${source.mtime}`
}
