import { randomBytes } from 'node:crypto'

const RUN = randomBytes(4).toString('hex')

/** A name of this run alone, so that two checkouts can be tested side by side on one engine. */
export const ownName = (name: string): string => `${name}-${RUN}`
