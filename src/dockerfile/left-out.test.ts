import { execFileSync } from 'node:child_process'
import { fileURLToPath } from 'node:url'
import { describe, expect, it } from 'vitest'
import { LEFT_OUT, leftOutPatterns } from './left-out.ts'

const script = fileURLToPath(new URL('build-scripts/leave-out.sh', import.meta.url))

/** The patterns as the build reads them. */
const expressions = execFileSync('sh', ['-c', '. "$1"; as_expressions', 'sh', script], {
  input: leftOutPatterns(),
  encoding: 'utf8',
})
  .trimEnd()
  .split('\n')
  .map((line) => new RegExp(line))

const isLeftOut = (path: string) => expressions.some((expression) => expression.test(path))

describe('what apt steps leave out', () => {
  it('is a pattern a path, by which the build finds it and what is below', () => {
    const paths = LEFT_OUT.flatMap(({ paths }) => paths)
    expect(expressions).toHaveLength(paths.length)
    for (const path of paths) {
      expect(path).toMatch(/^[a-z][A-Za-z0-9_./*-]*[^/]$/)
      expect(isLeftOut(`/${path.replaceAll('*', 'x')}`), path).toBe(true)
      expect(isLeftOut(`/${path.replaceAll('*', 'x')}/below it`), path).toBe(true)
    }
  })

  it('has keys and databases in it, and nothing that packages bring', () => {
    for (const path of [
      '/etc/ssh/ssh_host_ed25519_key',
      '/etc/ssh/ssh_host_rsa_key.pub',
      '/etc/ssl/private/ssl-cert-snakeoil.key',
      '/etc/munge/munge.key',
      '/etc/bind/rndc.key',
      '/var/lib/rabbitmq/.erlang.cookie',
      '/var/lib/postgresql/15/main/PG_VERSION',
      '/etc/postgresql/15/main',
      '/var/lib/mysql/ibdata1',
    ])
      expect(isLeftOut(path), path).toBe(true)
    for (const path of [
      '/etc/ssh/sshd_config',
      '/etc/ssh/ssh_host_x_key.pub.d',
      '/etc/ssl/certs/ca-certificates.crt',
      '/etc/bind/named.conf',
      '/var/lib/mysql',
      '/var/lib/postgresql/15',
      '/etc/postgresql-common/user_clusters',
      '/opt/etc/munge/munge.key',
    ])
      expect(isLeftOut(path), path).toBe(false)
  })
})
