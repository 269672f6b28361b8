import type { Certificate } from './certificates.ts'
import type { FaultProxy } from './fault-proxy.ts'
import {
  cutShort,
  cutSilently,
  type Fault,
  forbidden,
  notFound,
  otherBytes,
  reset,
  silence,
  slowDrip,
  sound,
  stall,
  tooMany,
  unavailable,
  wrongBytes,
} from './faults.ts'

/** How often a fault happens: to the first request alone, or to each. */
export type Times = 'once' | 'always'

/** One way in which a source goes wrong. */
export interface FaultCase {
  name: string
  /** Has the requests of a path meet the fault. */
  begin(front: FaultProxy, path: RegExp, times: Times): void
  /** What `clear` of the proxy does not undo. */
  end?(front: FaultProxy): void
  /** A fault of the connection: there is no first request. */
  ofConnection?: true
  /** A fault that nobody need notice where what it hits is not the file. */
  subtle?: true
}

const PAGE = Buffer.from('<!DOCTYPE html>\n<html><body>Please log in</body></html>\n')

/** @param certificates the front's own, and one that nobody trusts */
export function faultCases(certificates: { own: Certificate; stranger: Certificate }): FaultCase[] {
  return [
    answered('cut short', cutShort(100)),
    answered('cut short, as if complete', cutSilently(100)),
    { ...answered('wrong bytes, right length', wrongBytes), subtle: true },
    answered('a login page instead', otherBytes(PAGE)),
    answered('404', notFound),
    answered('403', forbidden),
    answered('429, Retry-After 1 s', tooMany(1)),
    answered('503', unavailable),
    answered('reset', reset),
    answered('stall after 100 bytes', stall(100)),
    answered('silence', silence),
    answered('slow drip', slowDrip(10, 50)),
    {
      name: 'wrong certificate',
      begin: (front) => front.showCertificate(certificates.stranger),
      end: (front) => front.showCertificate(certificates.own),
      ofConnection: true,
    },
  ]
}

function answered(name: string, fault: Fault): FaultCase {
  return {
    name,
    begin: (front, path, times) => front.on(path, ...(times === 'once' ? [fault, sound] : [fault])),
  }
}
