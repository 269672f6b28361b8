import { execFileSync } from 'node:child_process'
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { describe, expect, it, onTestFinished } from 'vitest'
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

  it('gives databases of Berkeley DB an id made of their path', () => {
    const own = mkdtempSync(join(tmpdir(), 'left-out-'))
    onTestFinished(() => rmSync(own, { recursive: true }))
    const database = join(own, 'aliases.db')
    const settle = (bytes: Buffer): string => {
      writeFileSync(database, bytes)
      writeFileSync(join(own, 'made'), `${database}\n${own}\n${own}/gone\n`)
      execFileSync('sh', ['-eu', '-c', '. "$1"; own=$2; settle_databases', 'sh', script, own])
      return readFileSync(database).toString('latin1')
    }
    const [one, other] = [hashDatabase('[1]\n/0123456789abcdef'), hashDatabase('$&(other)*+?^{|}\0\xff..')]
    expect(settle(one)).toBe(settle(other))
    expect(settle(one)).toBe(hashDatabase(database.slice(-20)).toString('latin1'))
    const text = Buffer.from('no database but a text that is as long as the first page of one needs to be\n')
    expect(settle(text)).toBe(text.toString('latin1'))
  })
})

/** The metadata pages of a hash database as Berkeley DB 5.3 writes them, with an id of twenty bytes. */
function hashDatabase(id: string): Buffer {
  const bytes = Buffer.alloc(3 * 4096)
  for (const page of [0, 2]) {
    bytes.writeUInt32LE(0x61561, page * 4096 + 12)
    bytes.write(id, page * 4096 + 52, 20, 'latin1')
  }
  return bytes
}
