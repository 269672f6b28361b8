import type { ImageConfig } from '../formats/oci.ts'
import type { Inode } from '../image/layer-entry.ts'
import { readConfig } from './compare/compare-config.ts'
import type { Finding } from './finding.ts'
import { findSecret, isSecretName } from './secrets.ts'

/** Files that hold credentials by their purpose, and what in them is one. */
const FILES: { match: RegExp; what: string; content: RegExp }[] = [
  { match: /(^|\/)[._]netrc$/, what: 'a password of netrc', content: /\bpassword\s+\S+/ },
  {
    match: /(^|\/)(pip\.conf|pip\.ini)$|(^|\/)\.?pip\/pip\.conf$/,
    what: 'a login of a package index',
    content: /:\/\/[^\s/@]+@|^\s*password\s*[=:]\s*\S/m,
  },
  { match: /(^|\/)\.pypirc$/, what: 'a password of a package index', content: /^\s*password\s*[=:]\s*\S/m },
  {
    match: /(^|\/)\.?npmrc$/,
    what: 'a token of a package index',
    content: /_(authToken|auth|password)\s*=\s*\S/,
  },
  {
    match: /(^|\/)\.docker\/config\.json$|(^|\/)\.dockercfg$|(^|\/)containers\/auth\.json$/,
    what: 'a login of a registry',
    content: /"(auth|identitytoken|registrytoken|password)"\s*:\s*"[^"]+"/,
  },
  {
    match:
      /(^|\/)\.git\/(.*\/)?config$|(^|\/)\.gitmodules$|(^|\/)\.gitconfig$|(^|\/)\.git-credentials$|^etc\/gitconfig$/,
    what: 'a login of a git host',
    content: /:\/\/[^\s/@]+@|^\s*extraheader\s*=\s*authorization:/im,
  },
  {
    match: /^etc\/apt\/auth\.conf(\.d\/.*)?$/,
    what: 'a login of a Debian archive',
    content: /\bpassword\s+\S+/,
  },
  {
    match: /^etc\/apt\/sources\.list(\.d\/.*)?$/,
    what: 'a login of a Debian archive',
    content: /:\/\/[^\s/@]+:[^\s/@]+@/,
  },
  {
    match: /(^|\/)\.aws\/credentials$/,
    what: 'a key of a cloud',
    content: /aws_(secret_access_key|session_token)\s*=\s*\S/i,
  },
  {
    match: /(^|\/)\.kube\/config$/,
    what: 'a login of a cluster',
    content: /(token|client-key-data|password):\s*\S/,
  },
  {
    match: /(^|\/)\.env(\.[\w.]+)?$/,
    what: 'a secret variable',
    content: /^\s*(export\s+)?\w*(PASSWORD|SECRET|TOKEN|API_?KEY)\w*\s*=\s*['"]?[^\s'"]/im,
  },
  { match: /(^|\/)\.pgpass$/, what: 'a password of a database', content: /^[^#\n]*(:[^:\n]*){3}:[^:\n]+$/m },
  {
    match: /(^|\/)(\.my\.cnf|debian\.cnf)$/,
    what: 'a password of a database',
    content: /^\s*password\s*=\s*\S/m,
  },
  {
    match: /(^|\/)(application_default_credentials|[\w.-]*service[_-]?account[\w.-]*)\.json$/,
    what: 'a key of a cloud',
    content: /"(private_key|refresh_token|client_secret)"\s*:\s*"[^"]+"/,
  },
  {
    match: /(^|\/)\.azure\/[^/]+\.json$/,
    what: 'a key of a cloud',
    content: /"(accessToken|refreshToken|client_secret|secret)"\s*:\s*"[^"]+"/,
  },
  {
    match: /^etc\/ldap\/slapd\.d\/|(^|\/)slapd\.conf$/,
    what: 'the password of a directory server',
    content: /^(olcRootPW:{1,2}|rootpw)\s*\S/m,
  },
]

/** Keys that services make for themselves as they are set up: everybody who has the image has them, whatever they hold. */
const KEYS: { match: RegExp; what: string }[] = [
  { match: /(^|\/)munge\.key$/, what: 'the key of munge' },
  { match: /(^|\/)(rndc|tsig|session)\.key$/, what: 'a key of a name server' },
  { match: /(^|\/)\.erlang\.cookie$/, what: 'the cookie of Erlang' },
  { match: /(^|\/)ssh_host_\w+_key$/, what: 'a host key of an SSH server' },
  { match: /(^|\/)ssl-cert-snakeoil\.key$/, what: 'a private key' },
  { match: /^etc\/(pam_ldap|libnss-ldap|ldap)\.secret$/, what: 'the password of a directory server' },
  { match: /(^|\/)(krb5\.keytab|[\w.-]+\.keytab)$/, what: 'keys of Kerberos' },
  { match: /(^|\/)\.vault-token$/, what: 'a token of Vault' },
]

/** Files whose content says who a machine or its users are: nothing shows it. */
const PRIVATE = /(^|\/)(g?shadow-?|machine-id|id_(rsa|dsa|ecdsa|ed25519))$|\.(key|pem|p12|pfx|jks)$/

/** Whether the content of a file belongs into no report: it holds credentials, or is meant to. */
export function isSecretFile(path: string, content: Buffer): boolean {
  const name = path.replace(/^\/+/, '')
  if (
    PRIVATE.test(name) ||
    KEYS.some(({ match }) => match.test(name)) ||
    FILES.some(({ match }) => match.test(name))
  )
    return true
  return findSecret(content.toString('latin1', 0, SIZE_LIMIT)) !== undefined
}

/** Files by whose names alone it is known that they hold keys, logins or secret settings, or are to hold them. */
const BY_NAME: { match: RegExp; what: string }[] = [
  {
    match: /(^|\/)\.env(rc)?(\.(?!(example|sample|template|dist|defaults?)$)[\w.-]+)?$/i,
    what: 'settings that are secret',
  },
  { match: /(^|\/)id_(rsa|dsa|ecdsa|ed25519)(_sk)?$|\.(p12|pfx|jks|ppk|kdbx)$/i, what: 'a private key' },
  {
    match:
      /(^|\/)([._]netrc|\.pypirc|\.git-credentials|\.pgpass|\.my\.cnf|\.dockercfg|\.docker\/config\.json|\.aws\/credentials|\.kube\/config)$/,
    what: 'a login',
  },
  ...KEYS,
]

/**
 * What a file of somebody's own has that hardly belongs into an image which others get: by its name, or by what it holds.
 *
 * @param content its beginning, see {@link SIZE_LIMIT}
 */
export function secretIn(path: string, content: Buffer): string | undefined {
  const text = content.toString('latin1', 0, SIZE_LIMIT)
  return (
    BY_NAME.find(({ match }) => match.test(path))?.what ??
    FILES.find((file) => file.match.test(path) && file.content.test(text))?.what ??
    findSecret(text)
  )
}

/** All of these names in one expression, which is three times as fast as each by itself. */
const NAMED = anyOf([
  ...[...FILES, ...KEYS].map(({ match }) => match),
  /(^|\/)\.ssh\/|(^|\/)id_\w+$|\.(key|pem)$/,
])

function anyOf(expressions: readonly RegExp[]): RegExp {
  const flagged = expressions.find(({ flags }) => flags !== '')
  if (flagged !== undefined) throw new Error(`${flagged} has flags, which would be lost`)
  return new RegExp(expressions.map(({ source }) => `(?:${source})`).join('|'))
}

/** Credentials are looked for in files of at most so many bytes. */
export const SIZE_LIMIT = 64 * 1024

/** Whether a file may hold credentials, so that its content is to be kept while an image is read. */
export function mayHoldCredentials(path: string, size: number): boolean {
  if (size > SIZE_LIMIT) return false
  if (NAMED.test(path)) return true
  return (
    !/^(usr|lib|var\/lib\/dpkg)\//.test(path) || /^usr\/(src|local\/(etc|bin|sbin|share|src))\//.test(path)
  )
}

/** What credential a file holds; undefined when none is seen. */
export function credentialIn(path: string, { content, type, size }: Inode): string | undefined {
  if (type === 'file' && size > 0) {
    const key = KEYS.find(({ match }) => match.test(path))
    if (key !== undefined) return key.what
  }
  if (type !== 'file' || content === undefined || path.endsWith('.pyc')) return undefined
  const text = content.toString('latin1')
  return FILES.find((file) => file.match.test(path) && file.content.test(text))?.what ?? findSecret(text)
}

/**
 * Credentials in the config: environment, labels, and the commands that made its layers.
 *
 * @param allowed values of variables that the recipe itself sets
 */
export function configCredentials(config: ImageConfig, allowed: Record<string, string>): Finding[] {
  const { env, labels } = readConfig(config)
  const found = (subject: string, what: string): Finding => ({
    rule: 'credential',
    severity: 'error',
    subject,
    message: `the config holds ${what}`,
  })
  const named = (kind: string, values: Record<string, string>) =>
    Object.entries(values).flatMap(([name, value]) => {
      if (value === '' || allowed[name] === value) return []
      const what = isSecretName(name) ? 'a secret variable' : findSecret(value)
      return what === undefined ? [] : [found(`config/${kind}/${name}`, what)]
    })
  const history = Array.isArray(config['history']) ? config['history'] : []
  return [
    ...named('Env', env),
    ...named('Labels', labels),
    ...history.flatMap((entry, index) => {
      const command = String(entry?.created_by ?? '')
      const what = findSecret(command) ?? secretArgument(command)
      return what === undefined
        ? []
        : [found(`config/history/${index}`, `${what} in the command that made a layer`)]
    }),
  ]
}

function secretArgument(command: string): string | undefined {
  const names = [...command.matchAll(/\b(\w+)=(?!\$|\(redacted\))(?:"[^"$]+"|'[^'$]+'|[^\s"'$]+)/g)]
  return names.some(([, name = '']) => isSecretName(name)) ? 'a secret variable' : undefined
}
