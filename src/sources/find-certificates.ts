import { X509Certificate } from 'node:crypto'
import { StillroomError } from '../error.ts'
import { CERTIFICATE } from '../net/trusted-certificates.ts'
import type { Machine } from './machine.ts'
import { pipSetting, readPipConfig } from './pip-settings.ts'
import type { SourcesConfig } from './schema.ts'

/** A file or directory of certificates, and the setting that names it. */
interface Named {
  setting: string
  path: string
}

const VARIABLES = [
  'SSL_CERT_FILE',
  'REQUESTS_CA_BUNDLE',
  'CURL_CA_BUNDLE',
  'NODE_EXTRA_CA_CERTS',
  'PIP_CERT',
  'GIT_SSL_CAINFO',
]
const REGISTRIES = '/etc/docker/certs.d'

/**
 * Gathers the certificates that this machine's clients are configured to trust: the configuration, the environment, pip's
 * `cert`, apt's `CaInfo`, git's `http.sslCAInfo`, and Docker's for registries. They are meant to be trusted besides
 * the built-in ones, for every source alike.
 *
 * @returns PEM, each certificate once; undefined when nothing is named
 * @throws {StillroomError} CERTIFICATES_INVALID when what is named can't be read or holds no certificate
 */
export async function findCertificates(
  env: Readonly<Record<string, string | undefined>>,
  config: SourcesConfig,
  machine: Machine,
): Promise<string | undefined> {
  const lists = await Promise.all([
    (config.ca ?? []).map((path) => ({ setting: 'sources.ca of stillroom.config.ts', path })),
    config.pypi?.ca === undefined
      ? []
      : [{ setting: 'sources.pypi.ca of stillroom.config.ts', path: config.pypi.ca }],
    VARIABLES.map((name) => ({ setting: name, path: env[name] ?? '' })),
    pipCertificates(machine),
    aptCertificates(machine),
    gitCertificates(machine),
    registryCertificates(machine),
  ])
  const unique = new Map(
    lists
      .flat()
      .filter(({ path }) => path !== '')
      .reverse()
      .map((named) => [named.path, named]),
  )
  const found = await Promise.all(
    [...unique.values()].reverse().map((named) => readCertificates(named, machine)),
  )
  const all = new Set(found.flat())
  return all.size === 0 ? undefined : `${[...all].join('\n')}\n`
}

async function pipCertificates(machine: Machine): Promise<Named[]> {
  const [path] = pipSetting('cert', {}, await readPipConfig(machine))
  return path === undefined ? [] : [{ setting: "pip's cert", path }]
}

/** `apt-config dump`: one setting a line, names in any case: `Acquire::https::CaInfo "/path";`, also for one host. */
async function aptCertificates(machine: Machine): Promise<Named[]> {
  const dump = (await machine.run('apt-config', ['dump'])) ?? ''
  return [...dump.matchAll(/^(Acquire::https::(?:.+::)?CaInfo) "(.+)";$/gim)].map(
    ([, setting = '', path = '']) => ({
      setting: `apt's ${setting}`,
      path,
    }),
  )
}

async function gitCertificates(machine: Machine): Promise<Named[]> {
  const args = ['config', '--type=path', '--get-regexp', String.raw`^http\.(.+\.)?sslcainfo$`]
  const lines = ((await machine.run('git', args)) ?? '').split('\n')
  return lines.flatMap((line) => {
    const [, setting, path] = /^(http\.\S+) (.+)$/.exec(line) ?? []
    return path === undefined ? [] : [{ setting: `git's ${setting}`, path }]
  })
}

/** Docker's own: a directory for each registry, `*.crt` in it being authorities. */
async function registryCertificates(machine: Machine): Promise<Named[]> {
  const registries = await machine.readDirectory(REGISTRIES)
  const found = registries.map(async (registry) => {
    const names = await machine.readDirectory(`${REGISTRIES}/${registry}`)
    return names
      .filter((name) => name.endsWith('.crt'))
      .map((name) => ({ setting: "Docker's certificates", path: `${REGISTRIES}/${registry}/${name}` }))
  })
  return (await Promise.all(found)).flat()
}

async function readCertificates({ setting, path }: Named, machine: Machine): Promise<string[]> {
  const problem = (reason: string): StillroomError =>
    new StillroomError(
      'CERTIFICATES_INVALID',
      `cannot use the certificates "${path}" that ${setting} names: ${reason}`,
      {
        hint: 'correct or unset it: whoever names certificates wants them trusted',
        details: { setting, path },
      },
    )
  const text = (await machine.readFile(path)) ?? (await readAll(path, machine))
  if (text === undefined) throw problem('expected a file or directory, which cannot be read')
  const found = text.match(CERTIFICATE) ?? []
  if (found.length === 0) throw problem('expected PEM ("-----BEGIN CERTIFICATE-----"), got none')
  for (const [index, pem] of found.entries()) {
    if (!isCertificate(pem)) throw problem(`certificate ${index + 1} of ${found.length} in it is damaged`)
  }
  return found
}

/** OpenSSL's directories hold a certificate a file, and links to them. */
async function readAll(directory: string, machine: Machine): Promise<string | undefined> {
  const names = await machine.readDirectory(directory)
  const texts = await Promise.all(names.map((name) => machine.readFile(`${directory}/${name}`)))
  return names.length === 0 ? undefined : texts.filter((text) => text !== undefined).join('\n')
}

function isCertificate(pem: string): boolean {
  try {
    return new X509Certificate(pem).raw.length > 0
  } catch {
    return false
  }
}
