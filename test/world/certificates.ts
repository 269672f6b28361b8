import { mkdir, readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { execa } from 'execa'

/** A certificate with its key, PEM. */
export interface Certificate {
  cert: string
  key: string
}

/** A private certificate authority. */
export interface Authority {
  /** Its certificate, PEM. */
  ca: string
  /** The same in a file. */
  caFile: string
  /** A server's certificate; names are as in subjectAltName: `IP:127.0.0.1`, `DNS:localhost`. */
  issue(names: readonly string[]): Promise<Certificate>
}

/** What a server on the loopback interface is called. */
export const LOOPBACK_NAMES = ['IP:127.0.0.1', 'DNS:localhost']

const NEW_KEY = ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:P-256', '-nodes', '-days', '7']

/** Makes a certificate authority in a directory of its own, with the machine's openssl (3.0 or newer). */
export async function makeAuthority(
  directory: string,
  name = 'stillroom test authority',
): Promise<Authority> {
  await mkdir(directory, { recursive: true })
  const caFile = join(directory, 'ca.pem')
  const keyFile = join(directory, 'ca.key')
  await openssl([
    ...NEW_KEY,
    ...['-subj', `/CN=${name}`, '-keyout', keyFile, '-out', caFile],
    ...['-addext', 'keyUsage=critical,keyCertSign,cRLSign'],
  ])
  let issued = 0
  return {
    ca: await readFile(caFile, 'utf8'),
    caFile,
    issue: async (names) => {
      issued += 1
      const file = join(directory, `server-${issued}`)
      await openssl([
        ...NEW_KEY,
        ...['-CA', caFile, '-CAkey', keyFile, '-subj', '/CN=stillroom test server'],
        ...['-addext', `subjectAltName=${names.join()}`, '-addext', 'basicConstraints=critical,CA:FALSE'],
        ...['-keyout', `${file}.key`, '-out', `${file}.pem`],
      ])
      return { cert: await readFile(`${file}.pem`, 'utf8'), key: await readFile(`${file}.key`, 'utf8') }
    },
  }
}

async function openssl(args: readonly string[]): Promise<void> {
  await execa('openssl', ['req', '-x509', ...args], { stdin: 'ignore' })
}
