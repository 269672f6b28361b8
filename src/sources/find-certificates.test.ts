import { rootCertificates } from 'node:tls'
import { describe, expect, test } from 'vitest'
import type { StillroomError } from '../error.ts'
import { findSources } from './find-sources.ts'
import type { Machine } from './machine.ts'
import type { SourcesConfig } from './schema.ts'

const [one = '', two = ''] = rootCertificates

interface Setting {
  env?: Record<string, string>
  config?: SourcesConfig
  programs?: Record<string, string>
}

/** What this machine trusts, when `files` are on it and a setting names one of them. */
async function trusted(files: Record<string, string>, { env, config, programs = {} }: Setting) {
  const machine: Machine = {
    readFile: async (path) => files[path],
    readDirectory: async (path) => [
      ...new Set(
        Object.keys(files).flatMap((file) =>
          file.startsWith(`${path}/`) ? [file.slice(path.length + 1).split('/')[0] ?? ''] : [],
        ),
      ),
    ],
    run: async (program, args) => programs[[program, ...args].join(' ')],
  }
  const debian = { STILLROOM_DEBIAN: 'http://mirror.example.org/debian' }
  const { ca } = await findSources({ env: { ...debian, ...env }, machine, ...(config ? { config } : {}) })
  return ca
}

const CA = '/etc/our/ca.pem'
const SETTINGS: [string, Setting][] = [
  ['sources.ca of stillroom.config.ts', { config: { ca: [CA] } }],
  ['sources.pypi.ca of stillroom.config.ts', { config: { pypi: { ca: CA } } }],
  ...['SSL_CERT_FILE', 'REQUESTS_CA_BUNDLE', 'CURL_CA_BUNDLE', 'NODE_EXTRA_CA_CERTS', 'PIP_CERT'].map(
    (name): [string, Setting] => [name, { env: { [name]: CA } }],
  ),
  ['GIT_SSL_CAINFO', { env: { GIT_SSL_CAINFO: CA } }],
  ["pip's cert", { programs: { 'python3 -m pip config list': `global.cert='${CA}'\n` } }],
  [
    "apt's Acquire::https::CaInfo",
    { programs: { 'apt-config dump': `APT "";\nAcquire::https::CaInfo "${CA}";\n` } },
  ],
  [
    "git's http.https://git.example.org/.sslcainfo",
    {
      programs: {
        'git config --type=path --get-regexp ^http\\.(.+\\.)?sslcainfo$': `http.https://git.example.org/.sslcainfo ${CA}\n`,
      },
    },
  ],
]

describe('findCertificates()', () => {
  test.each(SETTINGS)('takes what %s names', async (_, setting) => {
    expect(await trusted({ [CA]: `words\n${one}\n${two}\n` }, setting)).toBe(`${one}\n${two}\n`)
  })

  test('takes directories, and what Docker has for registries; each certificate once', async () => {
    const files = {
      '/etc/ssl/a': one,
      '/etc/ssl/b': one,
      '/etc/docker/certs.d/registry.example:5000/ca.crt': two,
      '/etc/docker/certs.d/registry.example:5000/client.key': 'secret',
    }
    expect(await trusted(files, { env: { SSL_CERT_FILE: '/etc/ssl' } })).toBe(`${one}\n${two}\n`)
    expect(await trusted({}, {})).toBeUndefined()
  })

  const BROKEN: [string, Record<string, string>, string][] = [
    ['a file that is not there', {}, 'expected a file or directory, which cannot be read'],
    ['a file without a certificate', { [CA]: 'words' }, 'expected PEM'],
    ['a damaged certificate', { [CA]: `${one}\n${two.replace(/\n.{9}/, '\n')}` }, 'certificate 2 of 2'],
  ]
  test.each(BROKEN)('rejects %s with CERTIFICATES_INVALID, naming the setting', async (_, files, reason) => {
    for (const [name, setting] of SETTINGS) {
      const error: StillroomError = await trusted(files, setting).catch((error) => error)
      expect(error).toMatchObject({
        code: 'CERTIFICATES_INVALID',
        exitCode: 3,
        message: expect.stringContaining(reason),
        details: { setting: name, path: CA },
      })
      expect(error.message).toContain(`"${CA}" that ${name} names`)
    }
  })
})
