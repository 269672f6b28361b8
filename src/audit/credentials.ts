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
    match: /(^|\/)\.git\/config$|(^|\/)\.gitconfig$|(^|\/)\.git-credentials$|^etc\/gitconfig$/,
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
]

/** Whether a file may hold credentials, so that its content is to be kept while an image is read. */
export function mayHoldCredentials(path: string, size: number): boolean {
  if (size > 64 * 1024) return false
  if (FILES.some(({ match }) => match.test(path)) || /(^|\/)\.ssh\/|(^|\/)id_\w+$|\.(key|pem)$/.test(path))
    return true
  return !/^(usr|lib|var\/lib\/dpkg)\//.test(path) || /^usr\/local\/(etc|bin|sbin|share)\//.test(path)
}

/** What credential a file holds; undefined when none is seen. */
export function credentialIn(path: string, { content, type }: Inode): string | undefined {
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
