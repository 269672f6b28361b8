import { x509SubjectHash } from '../../formats/x509-subject-hash.ts'
import type { FileTree } from '../../image/file-tree.ts'

const SHARE = 'usr/share/ca-certificates'

/** Certificates of the package ca-certificates, below its directory, in the order of their bytes. */
export function packageCertificates(tree: FileTree): string[] {
  return [...tree.files(SHARE)]
    .filter(({ path, inode }) => inode.type === 'file' && path.endsWith('.crt'))
    .map(({ path }) => path.slice(SHARE.length + 1))
    .sort()
}

/** Certificates that `/etc/ca-certificates.conf` trusts, in its order. */
export function trustedCertificates(tree: FileTree): string[] {
  const lines = (tree.read('etc/ca-certificates.conf')?.toString('latin1') ?? '').split('\n')
  return lines.filter(
    (line) => line !== '' && !/^[#!]/.test(line) && tree.find(`${SHARE}/${line}`) !== undefined,
  )
}

/** What update-ca-certificates(8) puts into one file: each certificate, with an end of its last line. */
export function certificateBundle(tree: FileTree): string {
  return trustedCertificates(tree)
    .map((name) => tree.read(`${SHARE}/${name}`)?.toString('latin1') ?? '')
    .map((text) => (text === '' || text.endsWith('\n') ? text : `${text}\n`))
    .join('')
}

/** Links that update-ca-certificates(8) and `openssl rehash` make in `/etc/ssl/certs`, and where they lead. */
export function certificateLinks(tree: FileTree): Map<string, string> {
  const links = new Map<string, string>()
  const numbers = new Map<string, number>()
  const trusted = trustedCertificates(tree).map((name) => ({ name, pem: pemName(name) }))
  for (const { name, pem } of trusted) links.set(pem, `/${SHARE}/${name}`)
  for (const { name, pem } of trusted.sort((a, b) => (a.pem < b.pem ? -1 : 1))) {
    const hash = x509SubjectHash(tree.read(`${SHARE}/${name}`) ?? Buffer.alloc(0))
    if (hash === undefined) continue
    const number = numbers.get(hash) ?? 0
    numbers.set(hash, number + 1)
    links.set(`${hash}.${number}`, pem)
  }
  return links
}

function pemName(name: string): string {
  const base = name.slice(name.lastIndexOf('/') + 1).replace(/\.crt$/, '')
  return `${base.replaceAll(' ', '_').replaceAll(/[()]/g, '=').replaceAll(',', '_')}.pem`
}
