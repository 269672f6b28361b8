import { PackageURL } from 'packageurl-js'
import type { AuditedPackage, AuditResult } from '../audit/audit-report.ts'

/**
 * The package URL of an installed package (purl-spec, type definitions of deb, apk, rpm, pypi, conda, npm, cran and
 * generic); a git checkout has type `generic` and its remote as `vcs_url`.
 */
export function packageUrl(entry: AuditedPackage, os: AuditResult['image']['os']): string {
  const { kind, name, version, architecture, origin } = entry
  switch (kind) {
    case 'deb':
    case 'apk':
    case 'rpm': {
      const distro = os && `${os.id}-${os.version}`
      return purl(kind, os?.id ?? defaultVendor(kind), name, version, { arch: architecture, distro })
    }
    case 'npm': {
      const [, scope, bare] = /^(@[^/]+)\/(.+)$/.exec(name) ?? []
      return purl('npm', scope, bare ?? name, version, {})
    }
    case 'git': {
      const url = origin && `git+${origin.url}@${version}`
      return purl('generic', undefined, name.split('/').at(-1) || name, version, { vcs_url: url })
    }
    case 'pypi':
    case 'conda':
    case 'cran':
      return purl(kind, undefined, name, version, {
        vcs_url: origin?.commit && `git+${origin.url}@${origin.commit}`,
      })
  }
}

function defaultVendor(kind: 'deb' | 'apk' | 'rpm'): string | undefined {
  return { deb: 'debian', apk: 'alpine', rpm: undefined }[kind]
}

function purl(
  type: string,
  namespace: string | undefined,
  name: string,
  version: string,
  qualifiers: Record<string, string | undefined>,
): string {
  const present = Object.entries(qualifiers).filter(
    (entry): entry is [string, string] => entry[1] !== undefined,
  )
  return new PackageURL(type, namespace, name, version, Object.fromEntries(present), undefined).toString()
}
